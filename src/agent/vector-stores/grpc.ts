import { UNREAD, type VectorStore } from './store.ts';

const PATH =
  /\/(?:qdrant\.Points\/(?:Search|Query|Recommend|Discover)\w*|weaviate\.v1\.Weaviate\/Search|milvus\.proto\.milvus\.MilvusService\/(?:Search|HybridSearch)|VectorService\/Query)$/;

/** gRPC of Qdrant, Weaviate, Milvus and Pinecone: the time is seen; what was found is protobuf and is not read. */
export const grpc: VectorStore = {
  name: 'grpc',
  matchPath: (pathname) => (PATH.test(pathname) ? 'search' : null),
  asks: null,
  ...UNREAD,
};
