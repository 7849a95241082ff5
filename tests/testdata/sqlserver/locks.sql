-- for update
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WITH (UPDLOCK, ROWLOCK) WHERE region = @p1 ORDER BY "customers"."id" OFFSET 0 ROW FETCH NEXT 1 ROWS ONLY

-- for share
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WITH (REPEATABLEREAD, ROWLOCK) WHERE region = @p1

-- nowait
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WITH (UPDLOCK, ROWLOCK, NOWAIT) WHERE region = @p1

-- skip locked
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WITH (UPDLOCK, ROWLOCK, READPAST) WHERE region = @p1 ORDER BY "id" OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY

-- shard after shard
-- select Customer: sessions {EU US APAC}
SELECT * FROM "customers_eu" AS "customers" WITH (UPDLOCK, ROWLOCK)
SELECT * FROM "customers_us" AS "customers" WITH (UPDLOCK, ROWLOCK)
SELECT * FROM "customers_apac" AS "customers" WITH (UPDLOCK, ROWLOCK)

-- a schema's table
-- select Invoice: one {EU}
SELECT * FROM "sales"."invoices_eu" AS "invoices" WITH (UPDLOCK, ROWLOCK) WHERE region = @p1 AND "invoices"."deleted_at" IS NULL

-- no shard
-- select Customer: none {}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" WHERE 1 = 0) AS "customers" WHERE region = @p1

-- with limit over several
-- refused: dtde: unsupported on a sharded model (Customer): a locking read with LIMIT over several shards; add a condition that leads to one shard, or lock without it [lock-limit]

-- skip locked over several
-- refused: dtde: unsupported on a sharded model (Customer): SKIP LOCKED over several shards; add a condition that leads to one shard, or lock without it [lock-skip]

-- another strength
-- refused: dtde: unsupported on a sharded model (Customer): a locking read that SQL Server has no table hint for; lock by UPDATE or SHARE, with SKIP LOCKED or NOWAIT if need be, and without joins [lock-hints]

