export default async function Shop({ params }) {
  return <p>{((await params).filter ?? []).join(' ')}</p>;
}
