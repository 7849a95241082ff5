-- count of one shard
-- select Customer: one {US}
SELECT count(*) FROM "customers_us" AS "customers" WHERE region = @p1

-- count of all
-- select Customer: union {EU US APAC}
SELECT count(*) FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers"

-- count with lists
-- select User: union {1 3}
SELECT count(*) FROM (SELECT "id","name","age" FROM "users_1" AS "users" WHERE id IN (@p1,@p2) UNION ALL SELECT "id","name","age" FROM "users_3" AS "users" WHERE id IN (@p3)) AS "users"

-- count distinct
-- select Customer: union {EU US APAC}
SELECT COUNT(DISTINCT("name")) FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers"

-- count of a group
-- select Customer: union {EU US APAC}
SELECT count(*) FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" GROUP BY "status"

-- group and having
-- select Customer: union {EU US APAC}
SELECT status, SUM(spent) AS total FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" GROUP BY "status" HAVING SUM(spent) > @p1 ORDER BY total desc

-- group on one shard
-- select Customer: one {EU}
SELECT status, COUNT(*) AS n FROM "customers_eu" AS "customers" WHERE region = @p1 GROUP BY "status"

-- sum
-- select Order: union {2023 2024 2025}
SELECT SUM(amount) AS total FROM (SELECT "id","order_date","customer","amount","deleted_at" FROM "orders_2023" AS "orders" UNION ALL SELECT "id","order_date","customer","amount","deleted_at" FROM "orders_2024" AS "orders" UNION ALL SELECT "id","order_date","customer","amount","deleted_at" FROM "orders_2025" AS "orders") AS "orders" WHERE "orders"."deleted_at" IS NULL

-- distinct rows
-- select Customer: union {EU US APAC}
SELECT DISTINCT "name","status" FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" ORDER BY name

-- group of a schema's tables
-- select Invoice: union {EU US}
SELECT region, MAX(total) AS m FROM (SELECT "id","region","total","deleted_at" FROM "sales"."invoices_eu" AS "invoices" UNION ALL SELECT "id","region","total","deleted_at" FROM "sales"."invoices_us" AS "invoices") AS "invoices" WHERE "invoices"."deleted_at" IS NULL GROUP BY "region"

