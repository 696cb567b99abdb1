export default function echo(request, response) {
  response.status(200).json({ name: request.query.name });
}
