-- limit on one shard
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WHERE region = @p1 ORDER BY name OFFSET 0 ROW FETCH NEXT 10 ROWS ONLY

-- page of one shard
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WHERE region = @p1 ORDER BY name OFFSET 10 ROWS FETCH NEXT 10 ROWS ONLY

-- page of all shards
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" ORDER BY name,id desc OFFSET 10 ROWS FETCH NEXT 10 ROWS ONLY

-- limit without order
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" ORDER BY "id" OFFSET 0 ROW FETCH NEXT 10 ROWS ONLY

-- offset without limit
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" ORDER BY id OFFSET 10 ROWS

-- page with lists, cut for each shard
-- select User: union {1 3}
SELECT * FROM (SELECT * FROM (SELECT "id","name","age" FROM "users_1" AS "users" WHERE id IN (@p1,@p2) ORDER BY name OFFSET 0 ROW FETCH NEXT 3 ROWS ONLY) AS "b1" UNION ALL SELECT * FROM (SELECT "id","name","age" FROM "users_3" AS "users" WHERE id IN (@p3,@p4) ORDER BY name OFFSET 0 ROW FETCH NEXT 3 ROWS ONLY) AS "b3") AS "users" ORDER BY name OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY

-- page with lists, without order
-- select User: union {1 3}
SELECT * FROM (SELECT * FROM (SELECT "id","name","age" FROM "users_1" AS "users" WHERE id IN (@p1,@p2) ORDER BY "id" OFFSET 0 ROW FETCH NEXT 2 ROWS ONLY) AS "b1" UNION ALL SELECT * FROM (SELECT "id","name","age" FROM "users_3" AS "users" WHERE id IN (@p3,@p4) ORDER BY "id" OFFSET 0 ROW FETCH NEXT 2 ROWS ONLY) AS "b3") AS "users" ORDER BY "id" OFFSET 0 ROW FETCH NEXT 2 ROWS ONLY

-- page of a schema's tables, with lists
-- select Invoice: union {EU US}
SELECT * FROM (SELECT * FROM (SELECT "id","region","total","deleted_at" FROM "sales"."invoices_eu" AS "invoices" WHERE region IN (@p1) AND "invoices"."deleted_at" IS NULL ORDER BY total OFFSET 0 ROW FETCH NEXT 2 ROWS ONLY) AS "b0" UNION ALL SELECT * FROM (SELECT "id","region","total","deleted_at" FROM "sales"."invoices_us" AS "invoices" WHERE region IN (@p2) AND "invoices"."deleted_at" IS NULL ORDER BY total OFFSET 0 ROW FETCH NEXT 2 ROWS ONLY) AS "b1") AS "invoices" ORDER BY total OFFSET 0 ROW FETCH NEXT 2 ROWS ONLY

-- order by an expression
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" ORDER BY LEN(name) OFFSET 0 ROW FETCH NEXT 3 ROWS ONLY

-- page of a primary key of two columns
-- select Stock: union {EU US}
SELECT * FROM (SELECT "region","sku","count" FROM "stocks_eu" AS "stocks" UNION ALL SELECT "region","sku","count" FROM "stocks_us" AS "stocks") AS "stocks" ORDER BY (SELECT NULL) OFFSET 0 ROW FETCH NEXT 3 ROWS ONLY

