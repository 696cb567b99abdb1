import { Outlet } from 'react-router';

export default function Org() {
  return <Outlet />;
}
