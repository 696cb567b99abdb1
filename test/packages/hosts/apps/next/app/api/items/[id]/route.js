export async function GET(_request, { params }) {
  return Response.json(await params);
}

export async function DELETE() {
  return new Response(null, { status: 204 });
}
