export default function New() {
  return <p>new</p>;
}
