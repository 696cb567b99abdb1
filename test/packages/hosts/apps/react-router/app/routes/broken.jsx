export default function Broken() {
  throw new Error('fails on purpose');
}
