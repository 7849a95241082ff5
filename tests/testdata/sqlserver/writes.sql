-- create
-- insert Customer: one {US}
SET IDENTITY_INSERT "customers_us" ON;INSERT INTO "customers_us" ("name","region","status","spent","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "customers_us" OFF;

-- create with a given key
-- insert Customer: one {US}
SET IDENTITY_INSERT "customers_us" ON;INSERT INTO "customers_us" ("name","region","status","spent","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "customers_us" OFF;

-- create without IDENTITY
-- insert Label: one {US}
INSERT INTO "labels_us" ("id","region","text") VALUES (@p1,@p2,@p3);

-- create of two columns' key
-- insert Stock: one {US}
INSERT INTO "stocks_us" ("region","sku","count") VALUES (@p1,@p2,@p3);

-- create a batch on one shard
-- insert Customer: one {US}
SET IDENTITY_INSERT "customers_us" ON;INSERT INTO "customers_us" ("name","region","status","spent","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5),(@p6,@p7,@p8,@p9,@p10);SET IDENTITY_INSERT "customers_us" OFF;

-- create a batch over shards
-- insert Customer: steps {EU US}
SET IDENTITY_INSERT "customers_eu" ON;INSERT INTO "customers_eu" ("name","region","status","spent","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "customers_eu" OFF;
SET IDENTITY_INSERT "customers_us" ON;INSERT INTO "customers_us" ("name","region","status","spent","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5),(@p6,@p7,@p8,@p9,@p10);SET IDENTITY_INSERT "customers_us" OFF;

-- create a map
-- insert Customer: one {US}
SET IDENTITY_INSERT "customers_us" ON;INSERT INTO "customers_us" ("name","region","id") VALUES (@p1,@p2,@p3);SET IDENTITY_INSERT "customers_us" OFF;

-- create maps over shards
-- insert Customer: steps {EU US}
SET IDENTITY_INSERT "customers_eu" ON;INSERT INTO "customers_eu" ("id","name","region") VALUES (@p1,@p2,@p3);SET IDENTITY_INSERT "customers_eu" OFF;
SET IDENTITY_INSERT "customers_us" ON;INSERT INTO "customers_us" ("id","name","region") VALUES (@p1,@p2,@p3);SET IDENTITY_INSERT "customers_us" OFF;

-- create a map without a model
-- insert Customer: one {US}
SET IDENTITY_INSERT "customers_us" ON;INSERT INTO "customers_us" ("id","name","region") VALUES (@p1,@p2,@p3);SET IDENTITY_INSERT "customers_us" OFF;

-- create in a schema
-- insert Invoice: one {EU}
SET IDENTITY_INSERT "sales"."invoices_eu" ON;INSERT INTO "sales"."invoices_eu" ("region","total","deleted_at","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4);SET IDENTITY_INSERT "sales"."invoices_eu" OFF;

-- create a map in a schema
-- insert Invoice: one {EU}
SET IDENTITY_INSERT "sales"."invoices_eu" ON;INSERT INTO "sales"."invoices_eu" ("id","region","total") VALUES (@p1,@p2,@p3);SET IDENTITY_INSERT "sales"."invoices_eu" OFF;

-- create on a shard that is not made yet
-- insert Visit: one {2024_02}
SET IDENTITY_INSERT "visits_2024_02" ON;INSERT INTO "visits_2024_02" ("at","place","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3);SET IDENTITY_INSERT "visits_2024_02" OFF;

-- do nothing
-- insert User: one {3}
SET IDENTITY_INSERT "users_3" ON;MERGE INTO "users_3" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_3" OFF;

-- upsert
-- insert User: one {3}
SET IDENTITY_INSERT "users_3" ON;MERGE INTO "users_3" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "name"="excluded"."name","age"="excluded"."age" WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_3" OFF;

-- upsert a batch
-- insert User: steps {0 1 2 3}
SET IDENTITY_INSERT "users_0" ON;MERGE INTO "users_0" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "name"="excluded"."name" WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_0" OFF;
SET IDENTITY_INSERT "users_1" ON;MERGE INTO "users_1" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "name"="excluded"."name" WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_1" OFF;
SET IDENTITY_INSERT "users_2" ON;MERGE INTO "users_2" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "name"="excluded"."name" WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_2" OFF;
SET IDENTITY_INSERT "users_3" ON;MERGE INTO "users_3" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "name"="excluded"."name" WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_3" OFF;

-- upsert with an expression and a condition
-- insert User: one {3}
SET IDENTITY_INSERT "users_3" ON;MERGE INTO "users_3" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN MATCHED AND (users.age < @p4) THEN UPDATE SET "age"=users.age + @p5 WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_3" OFF;

-- upsert of two columns' key
-- insert Stock: one {EU}
MERGE INTO "stocks_eu" AS "stocks" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("region","sku","count") ON "stocks"."region" = "excluded"."region" AND "stocks"."sku" = "excluded"."sku" WHEN MATCHED THEN UPDATE SET "count"="excluded"."count" WHEN NOT MATCHED THEN INSERT ("region","sku","count") VALUES ("excluded"."region","excluded"."sku","excluded"."count");

-- upsert in a schema
-- insert Invoice: one {EU}
SET IDENTITY_INSERT "sales"."invoices_eu" ON;MERGE INTO "sales"."invoices_eu" AS "invoices" USING (VALUES (@p1,@p2,@p3,@p4)) AS "excluded" ("region","total","deleted_at","id") ON "invoices"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "total"="excluded"."total" WHEN NOT MATCHED THEN INSERT ("region","total","deleted_at","id") VALUES ("excluded"."region","excluded"."total","excluded"."deleted_at","excluded"."id");SET IDENTITY_INSERT "sales"."invoices_eu" OFF;

-- upsert with a generated key
-- insert Customer: one {EU}
SET IDENTITY_INSERT "customers_eu" ON;MERGE INTO "customers_eu" AS "customers" USING (VALUES (@p1,@p2,@p3,@p4,@p5)) AS "excluded" ("name","region","status","spent","id") ON "customers"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "name"="excluded"."name","region"="excluded"."region","status"="excluded"."status","spent"="excluded"."spent" WHEN NOT MATCHED THEN INSERT ("name","region","status","spent","id") VALUES ("excluded"."name","excluded"."region","excluded"."status","excluded"."spent","excluded"."id");SET IDENTITY_INSERT "customers_eu" OFF;

-- save
-- update User: one {3}
UPDATE "users" SET "name"=@p1,"age"=@p2 FROM "users_3" AS "users" WHERE "id" = @p3

-- save without a key
-- insert Customer: one {EU}
SET IDENTITY_INSERT "customers_eu" ON;INSERT INTO "customers_eu" ("name","region","status","spent","id") OUTPUT INSERTED."id" VALUES (@p1,@p2,@p3,@p4,@p5);SET IDENTITY_INSERT "customers_eu" OFF;

-- save several
-- insert User: steps {0 3}
SET IDENTITY_INSERT "users_0" ON;MERGE INTO "users_0" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "name"="excluded"."name","age"="excluded"."age" WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_0" OFF;
SET IDENTITY_INSERT "users_3" ON;MERGE INTO "users_3" AS "users" USING (VALUES (@p1,@p2,@p3)) AS "excluded" ("name","age","id") ON "users"."id" = "excluded"."id" WHEN MATCHED THEN UPDATE SET "name"="excluded"."name","age"="excluded"."age" WHEN NOT MATCHED THEN INSERT ("name","age","id") VALUES ("excluded"."name","excluded"."age","excluded"."id");SET IDENTITY_INSERT "users_3" OFF;

-- update
-- update Customer: one {US}
UPDATE "customers" SET "name"=@p1 FROM "customers_us" AS "customers" WHERE region = @p2

-- update over shards
-- update Customer: steps {EU US APAC}
UPDATE "customers" SET "name"=@p1,"status"=@p2 FROM "customers_eu" AS "customers" WHERE customers.spent > @p3
UPDATE "customers" SET "name"=@p1,"status"=@p2 FROM "customers_us" AS "customers" WHERE customers.spent > @p3
UPDATE "customers" SET "name"=@p1,"status"=@p2 FROM "customers_apac" AS "customers" WHERE customers.spent > @p3

-- updates of a struct, not its key
-- update User: one {3}
UPDATE "users" SET "name"=@p1 FROM "users_3" AS "users" WHERE "id" = @p2

-- update an expression
-- update User: one {3}
UPDATE "users" SET "age"=age + @p1 FROM "users_3" AS "users" WHERE "id" = @p2

-- update with lists, cut for each shard
-- update User: steps {1 3}
UPDATE "users" SET "age"=@p1 FROM "users_1" AS "users" WHERE id IN (@p2,@p3)
UPDATE "users" SET "age"=@p1 FROM "users_3" AS "users" WHERE id IN (@p2)

-- update returning
-- update User: one {3}
UPDATE "users" SET "age"=@p1 OUTPUT "INSERTED"."id","INSERTED"."age" FROM "users_3" AS "users" WHERE id = @p2

-- update returning everything, over shards
-- update User: steps {0 1 2 3}
UPDATE "users" SET "age"=@p1 OUTPUT INSERTED.* FROM "users_0" AS "users" WHERE age = @p2
UPDATE "users" SET "age"=@p1 OUTPUT INSERTED.* FROM "users_1" AS "users" WHERE age = @p2
UPDATE "users" SET "age"=@p1 OUTPUT INSERTED.* FROM "users_2" AS "users" WHERE age = @p2
UPDATE "users" SET "age"=@p1 OUTPUT INSERTED.* FROM "users_3" AS "users" WHERE age = @p2

-- update of two columns' keys
-- update Stock: steps {EU US}
UPDATE "stocks" SET "count"=@p1 FROM "stocks_eu" AS "stocks" WHERE (("region" = @p2 AND "sku" = @p3) OR ("region" = @p4 AND "sku" = @p5))
UPDATE "stocks" SET "count"=@p1 FROM "stocks_us" AS "stocks" WHERE (("region" = @p2 AND "sku" = @p3) OR ("region" = @p4 AND "sku" = @p5))

-- update in a schema
-- update Invoice: one {EU}
UPDATE "invoices" SET "total"=@p1 FROM "sales"."invoices_eu" AS "invoices" WHERE (region = @p2 AND invoices.total > @p3) AND "invoices"."deleted_at" IS NULL

-- update that no shard has
-- update Customer: none {}

-- update of everything
-- update Customer: steps {EU US APAC}
UPDATE "customers" SET "name"=@p1 FROM "customers_eu" AS "customers"
UPDATE "customers" SET "name"=@p1 FROM "customers_us" AS "customers"
UPDATE "customers" SET "name"=@p1 FROM "customers_apac" AS "customers"

-- update with a subquery
-- update Customer: one {US}
UPDATE "customers" SET "spent"=(SELECT MAX(age) FROM (SELECT "id","name","age" FROM "users_0" AS "users" UNION ALL SELECT "id","name","age" FROM "users_1" AS "users" UNION ALL SELECT "id","name","age" FROM "users_2" AS "users" UNION ALL SELECT "id","name","age" FROM "users_3" AS "users") AS "users") FROM "customers_us" AS "customers" WHERE region = @p1

-- update with LIMIT, which GORM leaves out there
-- update Customer: steps {EU US APAC}
UPDATE "customers" SET "name"=@p1 FROM "customers_eu" AS "customers" WHERE spent = @p2
UPDATE "customers" SET "name"=@p1 FROM "customers_us" AS "customers" WHERE spent = @p2
UPDATE "customers" SET "name"=@p1 FROM "customers_apac" AS "customers" WHERE spent = @p2

-- delete with LIMIT, which GORM leaves out there
-- delete Customer: steps {EU US APAC}
DELETE "customers" FROM "customers_eu" AS "customers" WHERE spent = @p1
DELETE "customers" FROM "customers_us" AS "customers" WHERE spent = @p1
DELETE "customers" FROM "customers_apac" AS "customers" WHERE spent = @p1

-- update of the key: the statement on its new shard
-- update Customer: steps {EU US APAC}
UPDATE "customers" SET "region"=@p1 FROM "customers_us" AS "customers" WHERE "id" = @p2

-- delete
-- delete Customer: one {US}
DELETE "customers" FROM "customers_us" AS "customers" WHERE region = @p1

-- delete over shards
-- delete Customer: steps {EU US APAC}
DELETE "customers" FROM "customers_eu" AS "customers" WHERE customers.spent > @p1
DELETE "customers" FROM "customers_us" AS "customers" WHERE customers.spent > @p1
DELETE "customers" FROM "customers_apac" AS "customers" WHERE customers.spent > @p1

-- delete a row
-- delete User: one {3}
DELETE "users" FROM "users_3" AS "users" WHERE "users"."id" = @p1

-- delete a batch by keys
-- delete User: steps {1 3}
DELETE "users" FROM "users_1" AS "users" WHERE "users"."id" IN (@p1,@p2)
DELETE "users" FROM "users_3" AS "users" WHERE "users"."id" = @p1

-- delete by ids
-- delete User: steps {1 3}
DELETE "users" FROM "users_1" AS "users" WHERE "users"."id" IN (@p1,@p2)
DELETE "users" FROM "users_3" AS "users" WHERE "users"."id" = @p1

-- delete of two columns' keys
-- delete Stock: steps {EU US}
DELETE "stocks" FROM "stocks_eu" AS "stocks" WHERE (("stocks"."region" = @p1 AND "stocks"."sku" = @p2) OR ("stocks"."region" = @p3 AND "stocks"."sku" = @p4))
DELETE "stocks" FROM "stocks_us" AS "stocks" WHERE (("stocks"."region" = @p1 AND "stocks"."sku" = @p2) OR ("stocks"."region" = @p3 AND "stocks"."sku" = @p4))

-- delete returning
-- delete Customer: one {US}
DELETE "customers" OUTPUT DELETED.* FROM "customers_us" AS "customers" WHERE region = @p1

-- delete returning columns, over shards
-- delete Customer: steps {EU US APAC}
DELETE "customers" OUTPUT "DELETED"."id" FROM "customers_eu" AS "customers" WHERE spent = @p1
DELETE "customers" OUTPUT "DELETED"."id" FROM "customers_us" AS "customers" WHERE spent = @p1
DELETE "customers" OUTPUT "DELETED"."id" FROM "customers_apac" AS "customers" WHERE spent = @p1

-- soft delete
-- update Invoice: one {EU}
UPDATE "invoices" SET "deleted_at"=@p1 FROM "sales"."invoices_eu" AS "invoices" WHERE region = @p2 AND "invoices"."deleted_at" IS NULL

-- soft delete over shards
-- update Invoice: steps {EU US}
UPDATE "invoices" SET "deleted_at"=@p1 FROM "sales"."invoices_eu" AS "invoices" WHERE total = @p2 AND "invoices"."deleted_at" IS NULL
UPDATE "invoices" SET "deleted_at"=@p1 FROM "sales"."invoices_us" AS "invoices" WHERE total = @p2 AND "invoices"."deleted_at" IS NULL

-- soft delete by date
-- update Order: one {2024}
UPDATE "orders" SET "deleted_at"=@p1 FROM "orders_2024" AS "orders" WHERE order_date = @p2 AND "orders"."deleted_at" IS NULL

-- soft delete returning
-- update Invoice: one {EU}
UPDATE "invoices" SET "deleted_at"=@p1 OUTPUT INSERTED.* FROM "sales"."invoices_eu" AS "invoices" WHERE region = @p2 AND "invoices"."deleted_at" IS NULL

-- delete for good
-- delete Invoice: one {EU}
DELETE "invoices" FROM "sales"."invoices_eu" AS "invoices" WHERE region = @p1

-- delete that no shard has
-- delete Customer: none {}

-- delete without conditions
-- refused: WHERE conditions required

