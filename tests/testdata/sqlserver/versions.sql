-- a first version
-- BEGIN
SELECT * FROM "placements_eu" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SELECT * FROM "placements_us" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SET IDENTITY_INSERT "placements_eu" ON;INSERT INTO "placements_eu" ("code","region","count","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5,@p6);SET IDENTITY_INSERT "placements_eu" OFF;
-- COMMIT

-- the next version, on another shard
-- BEGIN
SELECT * FROM "placements_eu" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SELECT * FROM "placements_us" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SAVE TRANSACTION dtde_N
UPDATE "placements" SET "valid_to"=@p1 FROM "placements_eu" AS "placements" WHERE "placements"."code" = @p2 AND "placements"."id" = @p3 AND "placements"."valid_from" = @p4
UPDATE "placements" SET "valid_to"=@p1 FROM "placements_us" AS "placements" WHERE "placements"."code" = @p2 AND "placements"."id" = @p3 AND "placements"."valid_from" = @p4
SET IDENTITY_INSERT "placements_us" ON;INSERT INTO "placements_us" ("code","region","count","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5,@p6);SET IDENTITY_INSERT "placements_us" OFF;
-- COMMIT

-- a portion
-- BEGIN
SELECT * FROM (SELECT "id","code","region","count","valid_from","valid_to" FROM "placements_eu" AS "placements" UNION ALL SELECT "id","code","region","count","valid_from","valid_to" FROM "placements_us" AS "placements") AS "placements" WHERE code = @p1 AND ("placements"."valid_from" < @p2 AND ("placements"."valid_to" IS NULL OR "placements"."valid_to" > @p3)) ORDER BY "id" OFFSET 0 ROW FETCH NEXT 1000001 ROWS ONLY
SELECT * FROM "placements_eu" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SELECT * FROM "placements_us" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SELECT * FROM (SELECT "id","code","region","count","valid_from","valid_to" FROM "placements_eu" AS "placements" UNION ALL SELECT "id","code","region","count","valid_from","valid_to" FROM "placements_us" AS "placements") AS "placements" WHERE code = @p1 AND ("placements"."valid_from" < @p2 AND ("placements"."valid_to" IS NULL OR "placements"."valid_to" > @p3)) AND "placements"."code" = @p4
SAVE TRANSACTION dtde_N
UPDATE "placements" SET "code"=@p1,"region"=@p2,"count"=@p3,"valid_from"=@p4,"valid_to"=@p5 FROM "placements_eu" AS "placements" WHERE "placements"."code" = @p6 AND "placements"."id" = @p7 AND "placements"."valid_from" = @p8
SET IDENTITY_INSERT "placements_eu" ON;INSERT INTO "placements_eu" ("code","region","count","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5,@p6);SET IDENTITY_INSERT "placements_eu" OFF;
SET IDENTITY_INSERT "placements_eu" ON;INSERT INTO "placements_eu" ("code","region","count","valid_from","valid_to","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5,@p6);SET IDENTITY_INSERT "placements_eu" OFF;
-- COMMIT

-- an end
-- BEGIN
SELECT * FROM "placements_eu" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SELECT * FROM "placements_us" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SAVE TRANSACTION dtde_N
UPDATE "placements" SET "valid_to"=@p1 FROM "placements_eu" AS "placements" WHERE "placements"."code" = @p2 AND "placements"."id" = @p3 AND "placements"."valid_from" = @p4
UPDATE "placements" SET "valid_to"=@p1 FROM "placements_us" AS "placements" WHERE "placements"."code" = @p2 AND "placements"."id" = @p3 AND "placements"."valid_from" = @p4
-- COMMIT

-- versions are removed
-- BEGIN
SELECT * FROM (SELECT "id","code","region","count","valid_from","valid_to" FROM "placements_eu" AS "placements" UNION ALL SELECT "id","code","region","count","valid_from","valid_to" FROM "placements_us" AS "placements") AS "placements" WHERE "placements"."code" = @p1 AND ("placements"."valid_to" IS NULL OR "placements"."valid_to" > @p2) ORDER BY "id" OFFSET 0 ROW FETCH NEXT 1000001 ROWS ONLY
SELECT * FROM "placements_eu" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SELECT * FROM "placements_us" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SELECT * FROM (SELECT "id","code","region","count","valid_from","valid_to" FROM "placements_eu" AS "placements" UNION ALL SELECT "id","code","region","count","valid_from","valid_to" FROM "placements_us" AS "placements") AS "placements" WHERE "placements"."code" = @p1 AND ("placements"."valid_to" IS NULL OR "placements"."valid_to" > @p2) AND "placements"."code" = @p3
SAVE TRANSACTION dtde_N
DELETE "placements" FROM "placements_eu" AS "placements" WHERE "placements"."code" = @p1 AND "placements"."id" = @p2 AND "placements"."valid_from" = @p3
DELETE "placements" FROM "placements_us" AS "placements" WHERE "placements"."code" = @p1 AND "placements"."id" = @p2 AND "placements"."valid_from" = @p3
-- COMMIT

-- a row that somebody else has changed
-- BEGIN
SAVE TRANSACTION spN
SELECT * FROM "placements_eu" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SELECT * FROM "placements_us" AS "placements" WITH (UPDLOCK, HOLDLOCK) WHERE "placements"."code" = @p1
SAVE TRANSACTION dtde_N
UPDATE "placements" SET "valid_to"=@p1 FROM "placements_eu" AS "placements" WHERE "placements"."code" = @p2 AND "placements"."id" = @p3 AND "placements"."valid_from" = @p4
UPDATE "placements" SET "valid_to"=@p1 FROM "placements_us" AS "placements" WHERE "placements"."code" = @p2 AND "placements"."id" = @p3 AND "placements"."valid_from" = @p4
ROLLBACK TRANSACTION spN
-- COMMIT

