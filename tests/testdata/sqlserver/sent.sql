-- save of a row that is not there
-- BEGIN
UPDATE "users" SET "name"=@p1,"age"=@p2 FROM "users_3" AS "users" WHERE "id" = @p3
-- COMMIT
-- BEGIN
SET IDENTITY_INSERT "users_3" ON;MERGE INTO "users_3" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "name"="excluded"."name","age"="excluded"."age" WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_3" OFF;
-- COMMIT

-- save of a row that is there
-- BEGIN
UPDATE "users" SET "name"=@p1,"age"=@p2 FROM "users_3" AS "users" WHERE "id" = @p3
-- COMMIT

-- a given key is looked for elsewhere
-- BEGIN
SELECT "id",0 AS dtde_shard FROM "customers_eu" WHERE "id" = @p1 UNION ALL SELECT "id",1 AS dtde_shard FROM "customers_apac" WHERE "id" = @p2
SET IDENTITY_INSERT "customers_us" ON;INSERT INTO "customers_us" ("name","region","status","spent","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "customers_us" OFF;
-- COMMIT

-- a batch in one transaction
-- BEGIN
INSERT INTO "stocks_eu" ("region","sku","count") VALUES (@p1,@p2,@p3);
INSERT INTO "stocks_us" ("region","sku","count") VALUES (@p1,@p2,@p3);
-- COMMIT

-- steps in one transaction
-- BEGIN
UPDATE "customers" SET "name"=@p1 FROM "customers_eu" AS "customers" WHERE spent = @p2
UPDATE "customers" SET "name"=@p1 FROM "customers_us" AS "customers" WHERE spent = @p2
UPDATE "customers" SET "name"=@p1 FROM "customers_apac" AS "customers" WHERE spent = @p2
-- COMMIT

-- steps in the caller's transaction
-- BEGIN
DELETE "customers" FROM "customers_eu" AS "customers" WHERE region = @p1
SAVE TRANSACTION dtde_N
DELETE "customers" FROM "customers_eu" AS "customers" WHERE spent = @p1
DELETE "customers" FROM "customers_us" AS "customers" WHERE spent = @p1
DELETE "customers" FROM "customers_apac" AS "customers" WHERE spent = @p1
-- COMMIT

-- steps that fail in the caller's transaction
-- BEGIN
SAVE TRANSACTION dtde_N
DELETE "customers" FROM "customers_eu" AS "customers" WHERE spent = @p1
DELETE "customers" FROM "customers_us" AS "customers" WHERE spent = @p1
ROLLBACK TRANSACTION dtde_N
-- COMMIT

-- a nested transaction
-- BEGIN
DELETE "customers" FROM "customers_eu" AS "customers" WHERE region = @p1
SAVE TRANSACTION mine
ROLLBACK TRANSACTION mine
-- COMMIT

-- a row moves to another shard
-- BEGIN
SELECT "customers"."id" FROM "customers_eu" AS "customers" WITH (UPDLOCK, HOLDLOCK) WHERE region = @p1 AND "id" = @p2
SELECT * FROM "customers_eu" WHERE 1 = 0
SET IDENTITY_INSERT "customers_us" ON;INSERT INTO "customers_us" ("id","name","region","status","spent") SELECT "id","name","region","status","spent" FROM "customers_eu" WHERE "id" = @p1;SET IDENTITY_INSERT "customers_us" OFF;
DELETE FROM "customers_eu" WHERE "id" = @p1
UPDATE "customers" SET "region"=@p1 FROM "customers_us" AS "customers" WHERE region = @p2 AND "id" = @p3
-- COMMIT

-- a row with a key of two columns moves
-- BEGIN
SELECT "stocks"."region","stocks"."sku" FROM "stocks_eu" AS "stocks" WITH (UPDLOCK, HOLDLOCK) WHERE region = @p1 AND count < @p2
SELECT * FROM "stocks_eu" WHERE 1 = 0
INSERT INTO "stocks_us" ("region","sku","count") SELECT "region","sku","count" FROM "stocks_eu" WHERE (("region" = @p1 AND "sku" = @p2) OR ("region" = @p3 AND "sku" = @p4))
DELETE FROM "stocks_eu" WHERE (("region" = @p1 AND "sku" = @p2) OR ("region" = @p3 AND "sku" = @p4))
UPDATE "stocks" SET "region"=@p1 FROM "stocks_us" AS "stocks" WHERE region = @p2 AND count < @p3
-- COMMIT

-- rows are locked shard after shard
-- BEGIN
SELECT * FROM "customers_eu" AS "customers" WITH (UPDLOCK, ROWLOCK)
SELECT * FROM "customers_us" AS "customers" WITH (UPDLOCK, ROWLOCK)
SELECT * FROM "customers_apac" AS "customers" WITH (UPDLOCK, ROWLOCK)
-- COMMIT

-- rows come back from several shards
-- BEGIN
DELETE "customers" OUTPUT "DELETED"."id" FROM "customers_eu" AS "customers" WHERE spent = @p1
DELETE "customers" OUTPUT "DELETED"."id" FROM "customers_us" AS "customers" WHERE spent = @p1
DELETE "customers" OUTPUT "DELETED"."id" FROM "customers_apac" AS "customers" WHERE spent = @p1
-- COMMIT

-- rows are streamed over several shards
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" WHERE spent > @p1 ORDER BY id

-- sessions are refused

