export const load = () => {
  throw new Error('fails on purpose');
};
