-- find by the key
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WHERE region = @p1

-- find everything
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers"

-- find on some
-- select Customer: union {EU APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" WHERE region <> @p1

-- first by the key
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WHERE region = @p1 ORDER BY "customers"."id" OFFSET 0 ROW FETCH NEXT 1 ROWS ONLY

-- first by the primary key alone
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" WHERE "customers"."id" = @p1 ORDER BY "customers"."id" OFFSET 0 ROW FETCH NEXT 1 ROWS ONLY

-- first by a primary key that decides
-- select User: one {2}
SELECT * FROM "users_2" AS "users" WHERE "users"."id" = @p1 ORDER BY "users"."id" OFFSET 0 ROW FETCH NEXT 1 ROWS ONLY

-- last
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" ORDER BY "customers"."id" DESC OFFSET 0 ROW FETCH NEXT 1 ROWS ONLY

-- take by the key
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WHERE region = @p1 ORDER BY "id" OFFSET 0 ROW FETCH NEXT 1 ROWS ONLY

-- take from all
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" ORDER BY "id" OFFSET 0 ROW FETCH NEXT 1 ROWS ONLY

-- find by two keys
-- select Customer: union {EU US}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" WHERE region IN (@p1) UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" WHERE region IN (@p2)) AS "customers"

-- find by ids, each on its shard
-- select User: union {0 1 3}
SELECT * FROM (SELECT "id","name","age" FROM "users_0" AS "users" WHERE "users"."id" = @p1 UNION ALL SELECT "id","name","age" FROM "users_1" AS "users" WHERE "users"."id" IN (@p2,@p3) UNION ALL SELECT "id","name","age" FROM "users_3" AS "users" WHERE "users"."id" IN (@p4,@p5,@p6)) AS "users"

-- nested groups
-- select Customer: union {EU US}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers") AS "customers" WHERE (region = @p1 OR region = @p2) AND NOT spent < @p3

-- either key or nothing known
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" WHERE region = @p1 OR status = @p2

-- a range of dates and the soft delete
-- select Order: one {2024}
SELECT * FROM "orders_2024" AS "orders" WHERE (order_date >= @p1 AND order_date < @p2) AND "orders"."deleted_at" IS NULL

-- unscoped
-- select Order: union {2024 2025}
SELECT * FROM (SELECT "id","order_date","customer","amount","deleted_at" FROM "orders_2024" AS "orders" UNION ALL SELECT "id","order_date","customer","amount","deleted_at" FROM "orders_2025" AS "orders") AS "orders" WHERE order_date BETWEEN @p1 AND @p2

-- a key that no shard has
-- select Customer: none {}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" WHERE 1 = 0) AS "customers" WHERE region = @p1

-- a count that no shard has
-- select Customer: none {}
SELECT count(*) FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" WHERE 1 = 0) AS "customers" WHERE region = @p1

-- no shard, in the caller's order
-- select Customer: none {}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" WHERE 1 = 0) AS "customers" WHERE region = @p1 ORDER BY name OFFSET 0 ROW FETCH NEXT 3 ROWS ONLY

-- subquery of one shard
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WHERE region = @p1 AND spent > (SELECT AVG(spent) FROM "customers_eu" AS "customers" WHERE region = @p2)

-- subquery of all shards
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" WHERE spent > (SELECT AVG(spent) FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers")

-- before there is any shard
-- select Visit: none {}
SELECT * FROM (SELECT CAST(NULL AS bigint) AS "id",CAST(NULL AS datetimeoffset) AS "at",CAST(NULL AS nvarchar(MAX)) AS "place" FROM (SELECT 1 AS x) AS d WHERE 1 = 0) AS "visits" WHERE at >= @p1 AND place = @p2

-- a schema's tables
-- select Invoice: one {EU}
SELECT * FROM "sales"."invoices_eu" AS "invoices" WHERE region = @p1 AND "invoices"."deleted_at" IS NULL

-- a schema's tables together
-- select Invoice: union {EU US}
SELECT * FROM (SELECT "id","region","total","deleted_at" FROM "sales"."invoices_eu" AS "invoices" UNION ALL SELECT "id","region","total","deleted_at" FROM "sales"."invoices_us" AS "invoices") AS "invoices" WHERE "invoices"."deleted_at" IS NULL ORDER BY id

-- a primary key of two columns
-- select Stock: one {EU}
SELECT * FROM "stocks_eu" AS "stocks" WHERE "stocks"."region" = @p1 AND "stocks"."sku" = @p2 ORDER BY "stocks"."region" OFFSET 0 ROW FETCH NEXT 1 ROWS ONLY

-- pluck distinct
-- select Customer: union {EU US APAC}
SELECT DISTINCT "region" FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers"

