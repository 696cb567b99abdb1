export default function Help() {
  return <p>help</p>;
}
