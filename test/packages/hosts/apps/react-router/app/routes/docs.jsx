export default function Docs() {
  return <p>docs</p>;
}
