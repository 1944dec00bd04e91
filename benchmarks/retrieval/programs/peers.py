"""LangChain's and LlamaIndex's stores and plain pgvector, each filled with the same chunks and asked the same.

    python -m benchmarks.retrieval.programs.peers DATABASE_URL CORPUS.npz PLAN

PLAN is JSON: the contenders' names, clients and seconds. Prints one line of JSON for each contender.
Rows are copied in, and not added through the stores' own functions: only the search is measured.
"""
# mypy: ignore-errors
# ruff: noqa: D101, D102, D103
# (what this imports is installed in the benchmark's own environment only)

import asyncio
import json
import sys
import time
import warnings
from uuid import UUID

import numpy as np
import psycopg
from pgvector.psycopg import register_vector, register_vector_async
from psycopg_pool import AsyncConnectionPool

from benchmarks.retrieval.programs.load import measured

TOP = 8
EF_SEARCH, EF_CONSTRUCTION, M = 40, 64, 16
POOL = 16


class Corpus:
    def __init__(self, path):
        loaded = np.load(path)
        self.owners, self.vectors = loaded["owners"], loaded["vectors"]
        self.asked_of, self.questions = loaded["asked_of"], loaded["questions"]
        self.answers, self.patients = loaded["answers"].tolist(), loaded["patients"].tolist()
        self.texts = loaded["texts"].tolist()

    def patient_asked(self, number):
        return self.patients[self.asked_of[number]]


def copied(url, statement, types, rows):
    with psycopg.connect(url, autocommit=True) as connection:
        register_vector(connection)
        with connection.cursor().copy(statement + " from stdin with (format binary)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)


def executed(url, *statements):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set maintenance_work_mem = '1GB'")
        for statement in statements:
            connection.execute(statement)


class LangChain:
    """PGVectorStore of langchain-postgres; the patient is a column of its table, as its documentation advises."""

    def __init__(self, url, corpus, index):
        self.url, self.corpus, self.index = url, corpus, index

    async def open(self):
        from langchain_core.embeddings import FakeEmbeddings
        from langchain_postgres import Column, PGEngine, PGVectorStore
        from langchain_postgres.v2.indexes import HNSWIndex

        engine = PGEngine.from_connection_string(
            self.url.replace("postgresql://", "postgresql+psycopg://"), pool_size=POOL
        )
        if not self.index:
            columns = [Column("patient_id", "TEXT"), Column("chunk", "INTEGER")]
            await engine.ainit_vectorstore_table("langchain", self.corpus.vectors.shape[1], metadata_columns=columns)
            corpus = self.corpus
            rows = (
                (
                    UUID(int=chunk),
                    corpus.texts[chunk % len(corpus.texts)],
                    corpus.vectors[chunk],
                    corpus.patients[owner],
                    chunk,
                )
                for chunk, owner in enumerate(corpus.owners)
            )
            names = "copy langchain (langchain_id, content, embedding, patient_id, chunk)"
            copied(self.url, names, ["uuid", "text", "vector", "text", "int4"], rows)
            executed(self.url, "vacuum analyze langchain")
        embeddings = FakeEmbeddings(size=self.corpus.vectors.shape[1])
        self.store = await PGVectorStore.create(
            engine, embeddings, "langchain", metadata_columns=["patient_id", "chunk"]
        )
        if self.index:
            await self.store.aapply_vector_index(HNSWIndex(m=M, ef_construction=EF_CONSTRUCTION))

    async def ask(self, number):
        found = await self.store.asimilarity_search_by_vector(
            self.corpus.questions[number].tolist(), k=TOP, filter={"patient_id": self.corpus.patient_asked(number)}
        )
        return [document.metadata["chunk"] for document in found]


class LlamaIndex:
    """PGVectorStore of llama-index-vector-stores-postgres; the patient is in the metadata, where its filters look."""

    def __init__(self, url, corpus, index):
        self.url, self.corpus, self.index = url, corpus, index

    async def open(self):
        from llama_index.vector_stores.postgres import PGVectorStore

        tail = self.url.removeprefix("postgresql://")
        hnsw = (
            {"hnsw_m": M, "hnsw_ef_construction": EF_CONSTRUCTION, "hnsw_ef_search": EF_SEARCH} if self.index else None
        )
        self.store = PGVectorStore.from_params(
            connection_string=f"postgresql+psycopg2://{tail}",
            async_connection_string=f"postgresql+asyncpg://{tail}",
            table_name="llamaindex",
            embed_dim=self.corpus.vectors.shape[1],
            use_jsonb=True,
            hnsw_kwargs=hnsw,
            create_engine_kwargs={"pool_size": POOL},
        )
        self.store._initialize()
        if not self.index:
            corpus = self.corpus
            rows = (
                (
                    corpus.texts[chunk % len(corpus.texts)],
                    jsonb({"patient_id": corpus.patients[owner]}),
                    str(chunk),
                    corpus.vectors[chunk],
                )
                for chunk, owner in enumerate(corpus.owners)
            )
            names = "copy data_llamaindex (text, metadata_, node_id, embedding)"
            copied(self.url, names, ["varchar", "jsonb", "varchar", "vector"], rows)
            executed(self.url, "vacuum analyze data_llamaindex")

    async def ask(self, number):
        from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, VectorStoreQuery

        filters = MetadataFilters(filters=[MetadataFilter(key="patient_id", value=self.corpus.patient_asked(number))])
        query = VectorStoreQuery(
            query_embedding=self.corpus.questions[number].tolist(), similarity_top_k=TOP, filters=filters
        )
        return [int(node_id) for node_id in (await self.store.aquery(query)).ids]


class Plain:
    """A table, an HNSW index, and a scan that goes on until there are enough rows."""

    def __init__(self, url, corpus, index):
        self.url, self.corpus, self.order = url, corpus, index

    async def open(self):
        corpus = self.corpus
        executed(
            self.url, f"create table plain (chunk int, patient_id uuid, embedding vector({corpus.vectors.shape[1]}))"
        )
        rows = (
            (chunk, UUID(corpus.patients[owner]), corpus.vectors[chunk]) for chunk, owner in enumerate(corpus.owners)
        )
        copied(self.url, "copy plain (chunk, patient_id, embedding)", ["int4", "uuid", "vector"], rows)
        options = f"m = {M}, ef_construction = {EF_CONSTRUCTION}"
        index = f"create index on plain using hnsw (embedding vector_cosine_ops) with ({options})"
        executed(self.url, index, "vacuum analyze plain")
        self.pool = AsyncConnectionPool(
            self.url, min_size=POOL, max_size=POOL, open=False, configure=self.configured, timeout=120
        )
        await self.pool.open()

    async def configured(self, connection):
        await register_vector_async(connection)
        await connection.execute(f"set hnsw.iterative_scan = {self.order}")
        await connection.execute(f"set hnsw.ef_search = {EF_SEARCH}")
        await connection.commit()

    async def ask(self, number):
        statement = f"select chunk from plain where patient_id = %s order by embedding <=> %s limit {TOP}"
        async with self.pool.connection() as connection:
            asked = (self.corpus.patient_asked(number), self.corpus.questions[number])
            found = await (await connection.execute(statement, asked)).fetchall()
        return [row[0] for row in found]


def jsonb(value):
    from psycopg.types.json import Jsonb

    return Jsonb(value)


CONTENDERS = {
    "LangChain, no index": (LangChain, False),
    "LangChain, HNSW": (LangChain, True),
    "LlamaIndex, no index": (LlamaIndex, False),
    "LlamaIndex, HNSW": (LlamaIndex, True),
    "pgvector, HNSW iterative": (Plain, "relaxed_order"),
}


async def main():
    """Take each contender in turn."""
    url, path, plan = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    warnings.simplefilter("ignore")
    corpus = Corpus(path)
    for name in plan["contenders"]:
        kind, index = CONTENDERS[name]
        contender, began = kind(url, corpus, index), time.perf_counter()
        await contender.open()
        # The first call may still prepare something, such as an index.
        await contender.ask(0)
        ready_s = time.perf_counter() - began
        measurements = await measured(contender.ask, corpus.answers, plan["clients"], plan["seconds"])
        print(json.dumps({"name": name, "ready_s": ready_s, **measurements}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
