-- the first version
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
-- COMMIT

-- a save in between
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
UPDATE "employees" SET "valid_to"=@p1 FROM "employees_1" AS "employees" WHERE "employees"."name" = @p2 AND "employees"."id" = @p3 AND "employees"."valid_from" = @p4
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
-- COMMIT

-- a save that supersedes
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
DELETE "employees" FROM "employees_1" AS "employees" WHERE "employees"."name" = @p1 AND "employees"."id" = @p2 AND "employees"."valid_from" = @p3
UPDATE "employees" SET "valid_to"=@p1 FROM "employees_1" AS "employees" WHERE "employees"."name" = @p2 AND "employees"."id" = @p3 AND "employees"."valid_from" = @p4
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
-- COMMIT

-- a patch
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
UPDATE "employees" SET "valid_to"=@p1 FROM "employees_1" AS "employees" WHERE "employees"."name" = @p2 AND "employees"."id" = @p3 AND "employees"."valid_from" = @p4
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
-- COMMIT

-- a portion
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WHERE "employees"."name" = @p1 AND ("employees"."valid_from" < @p2 AND ("employees"."valid_to" IS NULL OR "employees"."valid_to" > @p3)) ORDER BY "id" OFFSET 0 ROW FETCH NEXT 1000001 ROWS ONLY
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
SELECT * FROM "employees_1" AS "employees" WHERE "employees"."name" = @p1 AND ("employees"."valid_from" < @p2 AND ("employees"."valid_to" IS NULL OR "employees"."valid_to" > @p3)) AND "employees"."name" = @p4
UPDATE "employees" SET "name"=@p1,"dept"=@p2,"valid_from"=@p3,"valid_to"=@p4 FROM "employees_1" AS "employees" WHERE "employees"."name" = @p5 AND "employees"."id" = @p6 AND "employees"."valid_from" = @p7
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
-- COMMIT

-- a portion that is deleted
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WHERE "employees"."name" = @p1 AND ("employees"."valid_from" < @p2 AND ("employees"."valid_to" IS NULL OR "employees"."valid_to" > @p3)) ORDER BY "id" OFFSET 0 ROW FETCH NEXT 1000001 ROWS ONLY
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
SELECT * FROM "employees_1" AS "employees" WHERE "employees"."name" = @p1 AND ("employees"."valid_from" < @p2 AND ("employees"."valid_to" IS NULL OR "employees"."valid_to" > @p3)) AND "employees"."name" = @p4
UPDATE "employees" SET "valid_to"=@p1 FROM "employees_1" AS "employees" WHERE "employees"."name" = @p2 AND "employees"."id" = @p3 AND "employees"."valid_from" = @p4
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
-- COMMIT

-- a put
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
UPDATE "employees" SET "valid_to"=@p1 FROM "employees_1" AS "employees" WHERE "employees"."name" = @p2 AND "employees"."id" = @p3 AND "employees"."valid_from" = @p4
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
-- COMMIT

-- a termination
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
DELETE "employees" FROM "employees_1" AS "employees" WHERE "employees"."name" = @p1 AND "employees"."id" = @p2 AND "employees"."valid_from" = @p3
UPDATE "employees" SET "valid_to"=@p1 FROM "employees_1" AS "employees" WHERE "employees"."name" = @p2 AND "employees"."id" = @p3 AND "employees"."valid_from" = @p4
-- COMMIT

-- a revert
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
UPDATE "employees" SET "valid_to"=@p1 FROM "employees_1" AS "employees" WHERE "employees"."name" = @p2 AND "employees"."id" = @p3 AND "employees"."valid_from" = @p4
SET IDENTITY_INSERT "employees_1" ON;INSERT INTO "employees_1" ("name","dept","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "employees_1" OFF;
-- COMMIT

-- a purge
-- BEGIN
SELECT * FROM "employees_1" AS "employees" WITH (UPDLOCK, HOLDLOCK) WHERE "employees"."name" = @p1
DELETE "employees" FROM "employees_1" AS "employees" WHERE "employees"."name" = @p1 AND "employees"."id" = @p2 AND "employees"."valid_from" = @p3
-- COMMIT

-- a save with system time, on a shard
-- BEGIN
SELECT * FROM "beliefs_1" AS "beliefs" WITH (UPDLOCK, HOLDLOCK) WHERE "beliefs"."number" = @p1
UPDATE "beliefs" SET "recorded_to"=@p1 FROM "beliefs_1" AS "beliefs" WHERE "beliefs"."number" = @p2 AND "beliefs"."id" = @p3 AND "beliefs"."valid_from" = @p4
SET IDENTITY_INSERT "beliefs_1" ON;INSERT INTO "beliefs_1" ("number","premium","valid_from","valid_to","recorded_from","recorded_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5,@p6,@p7);SET IDENTITY_INSERT "beliefs_1" OFF;
SET IDENTITY_INSERT "beliefs_1" ON;INSERT INTO "beliefs_1" ("number","premium","valid_from","valid_to","recorded_from","recorded_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5,@p6,@p7);SET IDENTITY_INSERT "beliefs_1" OFF;
-- COMMIT

-- a portion with system time, on a shard
-- BEGIN
SELECT * FROM "beliefs_1" AS "beliefs" WHERE ("beliefs"."recorded_to" IS NULL OR "beliefs"."recorded_to" >= @p1) AND "beliefs"."number" = @p2 AND ("beliefs"."valid_from" < @p3 AND ("beliefs"."valid_to" IS NULL OR "beliefs"."valid_to" > @p4)) ORDER BY "id" OFFSET 0 ROW FETCH NEXT 1000001 ROWS ONLY
SELECT * FROM "beliefs_1" AS "beliefs" WITH (UPDLOCK, HOLDLOCK) WHERE "beliefs"."number" = @p1
SELECT * FROM "beliefs_1" AS "beliefs" WHERE ("beliefs"."recorded_to" IS NULL OR "beliefs"."recorded_to" >= @p1) AND "beliefs"."number" = @p2 AND ("beliefs"."valid_from" < @p3 AND ("beliefs"."valid_to" IS NULL OR "beliefs"."valid_to" > @p4)) AND "beliefs"."number" = @p5
UPDATE "beliefs" SET "recorded_to"=@p1 FROM "beliefs_1" AS "beliefs" WHERE "beliefs"."number" = @p2 AND "beliefs"."id" = @p3 AND "beliefs"."valid_from" = @p4
SET IDENTITY_INSERT "beliefs_1" ON;INSERT INTO "beliefs_1" ("number","premium","valid_from","valid_to","recorded_from","recorded_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5,@p6,@p7);SET IDENTITY_INSERT "beliefs_1" OFF;
SET IDENTITY_INSERT "beliefs_1" ON;INSERT INTO "beliefs_1" ("number","premium","valid_from","valid_to","recorded_from","recorded_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5,@p6,@p7);SET IDENTITY_INSERT "beliefs_1" OFF;
SET IDENTITY_INSERT "beliefs_1" ON;INSERT INTO "beliefs_1" ("number","premium","valid_from","valid_to","recorded_from","recorded_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5,@p6,@p7);SET IDENTITY_INSERT "beliefs_1" OFF;
-- COMMIT

