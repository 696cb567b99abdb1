export const getServerSideProps = async ({ params }) => ({ props: params });

export default function Legacy({ id }) {
  return <p>{id}</p>;
}
