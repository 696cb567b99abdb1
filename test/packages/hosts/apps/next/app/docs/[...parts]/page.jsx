export default async function Docs({ params }) {
  return <p>{(await params).parts.join(' ')}</p>;
}
