CREATE TABLE "template_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "key" VARCHAR(40) NOT NULL, "name" TEXT NOT NULL, "type" VARCHAR(20) NOT NULL,
    "icon" VARCHAR(40) NOT NULL, "position" INTEGER NOT NULL, "active" INTEGER NOT NULL);
CREATE UNIQUE INDEX "template_row_key" ON "template_row" ("key");
CREATE TABLE "template_revision_row" ("id" INTEGER NOT NULL PRIMARY KEY, "template_id" INTEGER NOT NULL,
    "revision" INTEGER NOT NULL, "body" TEXT NOT NULL, "made_at" INTEGER NOT NULL,
    FOREIGN KEY ("template_id") REFERENCES "template_row" ("id") ON DELETE CASCADE);
CREATE INDEX "template_revision_row_template_id" ON "template_revision_row" ("template_id");
CREATE UNIQUE INDEX "template_revision_row_template_id_revision" ON "template_revision_row" ("template_id",
    "revision");
CREATE TABLE "approval_row" ("id" INTEGER NOT NULL PRIMARY KEY, "ticket_id" INTEGER NOT NULL,
    "level" INTEGER NOT NULL, "name" TEXT NOT NULL, "roles" TEXT NOT NULL, "person_ids" TEXT NOT NULL,
    "granted" INTEGER, "decided_by_id" INTEGER, "decided_at" INTEGER, "comment" VARCHAR(500) NOT NULL,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("decided_by_id") REFERENCES "person_row" ("id") ON DELETE SET NULL);
CREATE INDEX "approval_row_ticket_id" ON "approval_row" ("ticket_id");
CREATE INDEX "approval_row_decided_by_id" ON "approval_row" ("decided_by_id");
CREATE UNIQUE INDEX "approval_row_ticket_id_level" ON "approval_row" ("ticket_id", "level");
