CREATE TABLE "certificate_row" ("id" SERIAL NOT NULL PRIMARY KEY, "person_id" INTEGER NOT NULL,
    "name" VARCHAR(100) NOT NULL, "number" VARCHAR(100) NOT NULL, "expires_on" DATE,
    FOREIGN KEY ("person_id") REFERENCES "person_row" ("id") ON DELETE CASCADE);
CREATE INDEX "certificate_row_person_id" ON "certificate_row" ("person_id");
CREATE UNIQUE INDEX "certificate_row_person_id_name" ON "certificate_row" ("person_id", "name");
CREATE TABLE "dispatch_rule_row" ("id" SERIAL NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "name" VARCHAR(100) NOT NULL, "position" INTEGER NOT NULL, "types" TEXT NOT NULL,
    "priorities" TEXT NOT NULL, "categories" TEXT NOT NULL, "location_id" INTEGER,
    "mode" VARCHAR(10) NOT NULL, "team_id" INTEGER, "person_id" INTEGER, "skills" TEXT NOT NULL,
    "certificates" TEXT NOT NULL, "active" BOOLEAN NOT NULL,
    FOREIGN KEY ("location_id") REFERENCES "location_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("team_id") REFERENCES "team_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("person_id") REFERENCES "person_row" ("id") ON DELETE CASCADE);
CREATE INDEX "dispatch_rule_row_location_id" ON "dispatch_rule_row" ("location_id");
CREATE INDEX "dispatch_rule_row_team_id" ON "dispatch_rule_row" ("team_id");
CREATE INDEX "dispatch_rule_row_person_id" ON "dispatch_rule_row" ("person_id");
