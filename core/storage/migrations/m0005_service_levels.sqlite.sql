CREATE TABLE "calendar_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "name" VARCHAR(100) NOT NULL, "week" TEXT NOT NULL, "country" VARCHAR(10) NOT NULL,
    "exceptions" TEXT NOT NULL);
CREATE UNIQUE INDEX "calendar_row_name" ON "calendar_row" ("name");
CREATE TABLE "sla_policy_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "name" VARCHAR(100) NOT NULL, "position" INTEGER NOT NULL, "types" TEXT NOT NULL,
    "priorities" TEXT NOT NULL, "categories" TEXT NOT NULL, "location_id" INTEGER,
    "respond_min" INTEGER NOT NULL, "resolve_min" INTEGER NOT NULL, "calendar_id" INTEGER,
    "warn_percent" INTEGER NOT NULL, "levels" TEXT NOT NULL, "remind_min" INTEGER NOT NULL,
    "active" INTEGER NOT NULL,
    FOREIGN KEY ("location_id") REFERENCES "location_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("calendar_id") REFERENCES "calendar_row" ("id") ON DELETE RESTRICT);
CREATE INDEX "sla_policy_row_location_id" ON "sla_policy_row" ("location_id");
CREATE INDEX "sla_policy_row_calendar_id" ON "sla_policy_row" ("calendar_id");
CREATE TABLE "sla_pause_row" ("id" INTEGER NOT NULL PRIMARY KEY, "ticket_id" INTEGER NOT NULL,
    "reason" VARCHAR(30) NOT NULL, "from_at" INTEGER NOT NULL, "to_at" INTEGER,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE CASCADE);
CREATE INDEX "sla_pause_row_ticket_id" ON "sla_pause_row" ("ticket_id");
