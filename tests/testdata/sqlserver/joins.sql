-- join of one shard with all of another
-- select Customer: one {US}
SELECT "customers"."id","customers"."name","customers"."region","customers"."status","customers"."spent" FROM "customers_us" AS "customers" JOIN (SELECT "id","name","age" FROM "users_0" UNION ALL SELECT "id","name","age" FROM "users_1" UNION ALL SELECT "id","name","age" FROM "users_2" UNION ALL SELECT "id","name","age" FROM "users_3") AS "users" ON [users].[id] = [customers].[id] WHERE [customers].[region] = @p1

-- left join of all with a condition
-- select Customer: union {EU US APAC}
SELECT "customers"."id","customers"."name","customers"."region","customers"."status","customers"."spent" FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" LEFT JOIN (SELECT "id","name","age" FROM "users_0" UNION ALL SELECT "id","name","age" FROM "users_1" UNION ALL SELECT "id","name","age" FROM "users_2" UNION ALL SELECT "id","name","age" FROM "users_3") AS "users" ON [users].[id] = [customers].[id] AND [users].[age] > @p1

-- join with itself
-- select Customer: one {EU}
SELECT * FROM "customers_eu" AS "c" JOIN (SELECT "id","name","region","status","spent" FROM "customers_eu" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac") AS [d] ON [d].[name] = c.name WHERE c.region = @p1

-- window
-- select Customer: union {EU US APAC}
SELECT id, RANK() OVER (PARTITION BY region ORDER BY spent DESC) AS place FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers"

-- groups with HAVING in order
-- select Customer: union {EU US APAC}
SELECT status, COUNT(*) AS n FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" GROUP BY "status" HAVING COUNT(*) > @p1 ORDER BY n DESC OFFSET 0 ROW FETCH NEXT 3 ROWS ONLY

-- EXISTS
-- select Customer: union {EU US APAC}
SELECT * FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" AS "customers" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac" AS "customers") AS "customers" WHERE EXISTS (SELECT 1 FROM (SELECT "id","name","age" FROM "users_0" UNION ALL SELECT "id","name","age" FROM "users_1" UNION ALL SELECT "id","name","age" FROM "users_2" UNION ALL SELECT "id","name","age" FROM "users_3") AS "users" WHERE [users].[id] = [customers].[id])

-- text with WITH
-- raw Customer: union {EU US APAC}
WITH rich AS (SELECT region FROM (SELECT "id","name","region","status","spent" FROM "customers_eu" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_us" UNION ALL SELECT "id","name","region","status","spent" FROM "customers_apac") AS "customers" WHERE spent > @p1) SELECT COUNT(*) AS n FROM rich

-- a page of one shard by a cursor
-- select Customer: one {US}
SELECT * FROM "customers_us" AS "customers" WHERE region = @p1 ORDER BY name, id OFFSET 0 ROW FETCH NEXT 5 ROWS ONLY

