-- select
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WHERE region = @p1

-- select by the driver's parameter
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WHERE region = @p1

-- select with TOP and brackets
-- select Customer: one {US}
SELECT TOP 5 [c].[name] FROM "customers_us" AS [c] WHERE [c].[region] = @p1 ORDER BY [c].[name]

-- select with qualified names
-- select Customer: one {US}
SELECT customers.name FROM "customers_us" AS "customers" WHERE customers.region = 'US' AND name = @p1

-- select with a hint
-- refused: dtde: unsupported on a sharded model (Customer): SQL text with a table hint on several shards; use the builder, or the shard's own table name [raw-lock]

-- select from a schema
-- select Invoice: one {EU}
SELECT * FROM "sales"."invoices_eu" AS "invoices" WHERE region = @p1

-- select from a quoted schema
-- select Invoice: one {EU}
SELECT i.total FROM "sales"."invoices_eu" i WHERE i.region = @p1

-- update
-- update Customer: one {US}
UPDATE "customers_us" SET name = @p1 WHERE region = @p2

-- update with an alias
-- refused: dtde: unsupported on a sharded model (Customer): SQL text that is no plain SELECT, INSERT, UPDATE or DELETE; use the builder, or the shard's own table name [raw-shape]

-- delete
-- delete Customer: one {US}
DELETE FROM "customers_us" WHERE region = @p1

-- delete with qualified names
-- delete Customer: one {US}
DELETE FROM "customers_us" WHERE "customers_us".region = @p1

-- insert
-- insert Customer: one {US}
INSERT INTO "customers_us" (id, name, region) VALUES (@p1, @p2, @p3)

-- insert with output
-- insert Customer: one {US}
INSERT INTO "customers_us" (id, name, region) OUTPUT INSERTED.id VALUES (@p1, @p2, @p3)

-- insert of several shards
-- insert Customer: steps {EU US}
INSERT INTO "customers_eu" ([id], name, [region]) VALUES (2, LOWER(@p1), 'EU')
INSERT INTO "customers_us" ([id], name, [region]) VALUES (@p1, @p2, 'US'), (@p3, N'z', @p4)

-- insert of several shards with output
-- insert Customer: steps {EU US}
INSERT INTO "customers_eu" (id, region) OUTPUT INSERTED.id, INSERTED.region VALUES (@p1, @p2)
INSERT INTO "customers_us" (id, region) OUTPUT INSERTED.id, INSERTED.region VALUES (@p1, @p2)

-- insert of a query
-- raw Customer: union {EU US APAC}
SELECT id + @p1, region FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac") AS "customers" WHERE name = @p2

-- update of first rows
-- update Customer: one {US}
UPDATE TOP (@p1) "customers_us" SET name = @p2 WHERE region = @p3

-- update of first rows of several shards
-- refused: dtde: unsupported on a sharded model (Customer): SQL text over more than one shard; name the shard key in its WHERE clause, use the builder, or say where with dtde.OnShard [raw-shards]

-- delete of first rows
-- delete Customer: one {US}
DELETE TOP (5) FROM "customers_us" WHERE region = @p1

-- delete of first rows of several shards
-- refused: dtde: unsupported on a sharded model (Customer): SQL text over more than one shard; name the shard key in its WHERE clause, use the builder, or say where with dtde.OnShard [raw-shards]

-- update of first rows in an order
-- update Customer: one {US}
UPDATE "customers_us" SET name = @p1 WHERE region = 'US' AND id IN (SELECT TOP 5 id FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac") AS "customers" WHERE region = 'US' ORDER BY spent)

-- update of first rows in an order, over several shards
-- update Customer: steps {EU US APAC}
WITH first AS (SELECT TOP 5 id FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac") AS "customers" ORDER BY spent) SELECT 0,"customers"."id" FROM "customers_eu" AS "customers" WITH (UPDLOCK, HOLDLOCK) WHERE id IN (SELECT id FROM first)
WITH first AS (SELECT TOP 5 id FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac") AS "customers" ORDER BY spent) SELECT 1,"customers"."id" FROM "customers_us" AS "customers" WITH (UPDLOCK, HOLDLOCK) WHERE id IN (SELECT id FROM first)
WITH first AS (SELECT TOP 5 id FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac") AS "customers" ORDER BY spent) SELECT 2,"customers"."id" FROM "customers_apac" AS "customers" WITH (UPDLOCK, HOLDLOCK) WHERE id IN (SELECT id FROM first)
UPDATE "customers_eu" SET name = @p1 WHERE "id" IN (NULL)
UPDATE "customers_us" SET name = @p1 WHERE "id" IN (NULL)
UPDATE "customers_apac" SET name = @p1 WHERE "id" IN (NULL)

-- delete by a WITH query
-- delete Customer: one {US}
WITH old AS (SELECT id FROM (SELECT "id","region","text" FROM "labels_eu" UNION ALL SELECT "id","region","text" FROM "labels_us") AS "labels" WHERE id < @p1) DELETE FROM "customers_us" WHERE "customers_us".region = 'US' AND "customers_us".id IN (SELECT id FROM old WHERE old.id = "customers_us".id)

-- on a named shard
-- update Customer: one {EU}
UPDATE "customers_eu" SET name = UPPER(name)

-- over all shards
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac") AS "customers"

