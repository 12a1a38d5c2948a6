CREATE TABLE "person_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "name" VARCHAR(100) NOT NULL, "login" VARCHAR(64), "password_hash" VARCHAR(255), "roles" TEXT NOT NULL,
    "skills" TEXT NOT NULL, "phone" VARCHAR(40) NOT NULL, "email" VARCHAR(200) NOT NULL,
    "notify_urls" TEXT NOT NULL, "language" VARCHAR(10) NOT NULL, "hourly_cost_minor" INTEGER NOT NULL,
    "active" INTEGER NOT NULL);
CREATE UNIQUE INDEX "person_row_login" ON "person_row" ("login");
CREATE TABLE "team_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "name" VARCHAR(100) NOT NULL, "active" INTEGER NOT NULL);
CREATE UNIQUE INDEX "team_row_name" ON "team_row" ("name");
CREATE TABLE "team_member_row" ("id" INTEGER NOT NULL PRIMARY KEY, "team_id" INTEGER NOT NULL,
    "person_id" INTEGER NOT NULL, FOREIGN KEY ("team_id") REFERENCES "team_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("person_id") REFERENCES "person_row" ("id") ON DELETE CASCADE);
CREATE INDEX "team_member_row_team_id" ON "team_member_row" ("team_id");
CREATE INDEX "team_member_row_person_id" ON "team_member_row" ("person_id");
CREATE UNIQUE INDEX "team_member_row_team_id_person_id" ON "team_member_row" ("team_id", "person_id");
CREATE TABLE "shift_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "name" VARCHAR(100) NOT NULL, "weekdays" TEXT NOT NULL, "start_min" INTEGER NOT NULL,
    "end_min" INTEGER NOT NULL, "active" INTEGER NOT NULL);
CREATE UNIQUE INDEX "shift_row_name" ON "shift_row" ("name");
CREATE TABLE "shift_member_row" ("id" INTEGER NOT NULL PRIMARY KEY, "shift_id" INTEGER NOT NULL,
    "person_id" INTEGER NOT NULL, FOREIGN KEY ("shift_id") REFERENCES "shift_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("person_id") REFERENCES "person_row" ("id") ON DELETE CASCADE);
CREATE INDEX "shift_member_row_shift_id" ON "shift_member_row" ("shift_id");
CREATE INDEX "shift_member_row_person_id" ON "shift_member_row" ("person_id");
CREATE UNIQUE INDEX "shift_member_row_shift_id_person_id" ON "shift_member_row" ("shift_id", "person_id");
CREATE TABLE "absence_row" ("id" INTEGER NOT NULL PRIMARY KEY, "person_id" INTEGER NOT NULL,
    "from_on" DATE NOT NULL, "to_on" DATE NOT NULL, "reason" VARCHAR(200) NOT NULL,
    FOREIGN KEY ("person_id") REFERENCES "person_row" ("id") ON DELETE CASCADE);
CREATE INDEX "absence_row_person_id" ON "absence_row" ("person_id");
CREATE TABLE "session_row" ("id" INTEGER NOT NULL PRIMARY KEY, "token_hash" VARCHAR(64) NOT NULL,
    "person_id" INTEGER NOT NULL, "created_at" INTEGER NOT NULL, "seen_at" INTEGER NOT NULL,
    "expires_at" INTEGER NOT NULL, "address" VARCHAR(64) NOT NULL, "program" VARCHAR(200) NOT NULL,
    FOREIGN KEY ("person_id") REFERENCES "person_row" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "session_row_token_hash" ON "session_row" ("token_hash");
CREATE INDEX "session_row_person_id" ON "session_row" ("person_id");
CREATE TABLE "login_failure_row" ("id" INTEGER NOT NULL PRIMARY KEY, "key" VARCHAR(120) NOT NULL,
    "count" INTEGER NOT NULL, "last_at" INTEGER NOT NULL);
CREATE UNIQUE INDEX "login_failure_row_key" ON "login_failure_row" ("key");
CREATE TABLE "location_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "kind" VARCHAR(10) NOT NULL, "name" VARCHAR(100) NOT NULL, "parent_id" INTEGER,
    FOREIGN KEY ("parent_id") REFERENCES "location_row" ("id") ON DELETE RESTRICT);
CREATE INDEX "location_row_parent_id" ON "location_row" ("parent_id");
CREATE TABLE "asset_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "number" VARCHAR(40) NOT NULL, "name" VARCHAR(200) NOT NULL, "parent_id" INTEGER, "location_id" INTEGER,
    "category" VARCHAR(100) NOT NULL, "criticality" VARCHAR(1) NOT NULL, "maker" VARCHAR(100) NOT NULL,
    "model" VARCHAR(100) NOT NULL, "serial" VARCHAR(100) NOT NULL, "in_service_on" DATE,
    "warranty_until_on" DATE, "team_id" INTEGER, "downtime_cost_minor_per_h" INTEGER NOT NULL,
    "notes" TEXT NOT NULL, "retired_at" INTEGER,
    FOREIGN KEY ("parent_id") REFERENCES "asset_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("location_id") REFERENCES "location_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("team_id") REFERENCES "team_row" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "asset_row_number" ON "asset_row" ("number");
CREATE INDEX "asset_row_parent_id" ON "asset_row" ("parent_id");
CREATE INDEX "asset_row_location_id" ON "asset_row" ("location_id");
CREATE INDEX "asset_row_team_id" ON "asset_row" ("team_id");
CREATE TABLE "label_row" ("id" INTEGER NOT NULL PRIMARY KEY, "token_hash" VARCHAR(64) NOT NULL,
    "asset_id" INTEGER, "created_at" INTEGER NOT NULL, "created_by_id" INTEGER, "revoked_at" INTEGER,
    FOREIGN KEY ("asset_id") REFERENCES "asset_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("created_by_id") REFERENCES "person_row" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "label_row_token_hash" ON "label_row" ("token_hash");
CREATE INDEX "label_row_asset_id" ON "label_row" ("asset_id");
CREATE INDEX "label_row_created_by_id" ON "label_row" ("created_by_id");
CREATE TABLE "file_row" ("id" INTEGER NOT NULL PRIMARY KEY, "sha256" VARCHAR(64) NOT NULL,
    "media_type" VARCHAR(100) NOT NULL, "size" INTEGER NOT NULL, "width" INTEGER, "height" INTEGER,
    "created_at" INTEGER NOT NULL);
CREATE UNIQUE INDEX "file_row_sha256" ON "file_row" ("sha256");
CREATE TABLE "failure_code_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "category" VARCHAR(100) NOT NULL, "kind" VARCHAR(10) NOT NULL, "code" VARCHAR(20) NOT NULL,
    "name" VARCHAR(100) NOT NULL, "active" INTEGER NOT NULL);
CREATE UNIQUE INDEX "failure_code_row_category_kind_code" ON "failure_code_row" ("category", "kind", "code");
CREATE TABLE "edge_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "edge_id" VARCHAR(40) NOT NULL, "name" VARCHAR(100) NOT NULL, "password_hash" VARCHAR(255),
    "joined_at" INTEGER, "config_version" INTEGER NOT NULL, "config_dirty" INTEGER NOT NULL, "status" TEXT,
    "online" INTEGER NOT NULL, "seen_at" INTEGER, "active" INTEGER NOT NULL);
CREATE UNIQUE INDEX "edge_row_edge_id" ON "edge_row" ("edge_id");
CREATE TABLE "join_code_row" ("id" INTEGER NOT NULL PRIMARY KEY, "code_hash" VARCHAR(64) NOT NULL,
    "edge_id" INTEGER NOT NULL, "expires_at" INTEGER NOT NULL, "used_at" INTEGER,
    FOREIGN KEY ("edge_id") REFERENCES "edge_row" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "join_code_row_code_hash" ON "join_code_row" ("code_hash");
CREATE INDEX "join_code_row_edge_id" ON "join_code_row" ("edge_id");
CREATE TABLE "edge_config_row" ("id" INTEGER NOT NULL PRIMARY KEY, "edge_id" INTEGER NOT NULL,
    "config_version" INTEGER NOT NULL, "body" TEXT NOT NULL, "pushed_at" INTEGER NOT NULL,
    FOREIGN KEY ("edge_id") REFERENCES "edge_row" ("id") ON DELETE CASCADE);
CREATE INDEX "edge_config_row_edge_id" ON "edge_config_row" ("edge_id");
CREATE UNIQUE INDEX "edge_config_row_edge_id_config_version" ON "edge_config_row" ("edge_id",
    "config_version");
CREATE TABLE "device_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "edge_id" INTEGER NOT NULL, "name" VARCHAR(100) NOT NULL, "kind" VARCHAR(20) NOT NULL,
    "asset_id" INTEGER, "config" TEXT NOT NULL, "active" INTEGER NOT NULL,
    FOREIGN KEY ("edge_id") REFERENCES "edge_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("asset_id") REFERENCES "asset_row" ("id") ON DELETE SET NULL);
CREATE INDEX "device_row_edge_id" ON "device_row" ("edge_id");
CREATE INDEX "device_row_asset_id" ON "device_row" ("asset_id");
CREATE TABLE "point_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "device_id" INTEGER NOT NULL, "name" VARCHAR(100) NOT NULL, "unit" VARCHAR(20) NOT NULL,
    "asset_id" INTEGER, "config" TEXT NOT NULL, "active" INTEGER NOT NULL,
    FOREIGN KEY ("device_id") REFERENCES "device_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("asset_id") REFERENCES "asset_row" ("id") ON DELETE SET NULL);
CREATE INDEX "point_row_device_id" ON "point_row" ("device_id");
CREATE INDEX "point_row_asset_id" ON "point_row" ("asset_id");
CREATE TABLE "rule_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "point_id" INTEGER NOT NULL, "name" VARCHAR(200) NOT NULL, "severity" VARCHAR(10) NOT NULL,
    "config" TEXT NOT NULL, "makes_ticket" INTEGER NOT NULL, "team_id" INTEGER,
    "failure_mode" VARCHAR(20) NOT NULL, "kit" TEXT NOT NULL, "active" INTEGER NOT NULL,
    FOREIGN KEY ("point_id") REFERENCES "point_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("team_id") REFERENCES "team_row" ("id") ON DELETE SET NULL);
CREATE INDEX "rule_row_point_id" ON "rule_row" ("point_id");
CREATE INDEX "rule_row_team_id" ON "rule_row" ("team_id");
CREATE TABLE "epoch_row" ("id" INTEGER NOT NULL PRIMARY KEY, "edge_id" INTEGER NOT NULL,
    "epoch" VARCHAR(32) NOT NULL, "through" INTEGER NOT NULL, "began_at" INTEGER NOT NULL,
    "gap_since_at" INTEGER, "conflict_seq" INTEGER,
    FOREIGN KEY ("edge_id") REFERENCES "edge_row" ("id") ON DELETE CASCADE);
CREATE INDEX "epoch_row_edge_id" ON "epoch_row" ("edge_id");
CREATE UNIQUE INDEX "epoch_row_edge_id_epoch" ON "epoch_row" ("edge_id", "epoch");
CREATE TABLE "uplink_event_row" ("id" INTEGER NOT NULL PRIMARY KEY, "edge_id" INTEGER NOT NULL,
    "epoch" VARCHAR(32) NOT NULL, "seq" INTEGER NOT NULL, "digest" VARCHAR(64) NOT NULL,
    "kind" VARCHAR(20) NOT NULL, "body" TEXT NOT NULL, "event_at" INTEGER NOT NULL,
    "received_at" INTEGER NOT NULL, "applied_at" INTEGER,
    FOREIGN KEY ("edge_id") REFERENCES "edge_row" ("id") ON DELETE CASCADE);
CREATE INDEX "uplink_event_row_edge_id" ON "uplink_event_row" ("edge_id");
CREATE UNIQUE INDEX "uplink_event_row_edge_id_epoch_seq" ON "uplink_event_row" ("edge_id", "epoch", "seq");
CREATE TABLE "dead_letter_row" ("id" INTEGER NOT NULL PRIMARY KEY, "edge_id" INTEGER,
    "source" VARCHAR(200) NOT NULL, "epoch" VARCHAR(32) NOT NULL, "seq" INTEGER,
    "code" VARCHAR(60) NOT NULL, "detail" TEXT NOT NULL, "payload" TEXT NOT NULL, "at" INTEGER NOT NULL,
    "settled_at" INTEGER, FOREIGN KEY ("edge_id") REFERENCES "edge_row" ("id") ON DELETE CASCADE);
CREATE INDEX "dead_letter_row_edge_id" ON "dead_letter_row" ("edge_id");
CREATE INDEX "dead_letter_row_at" ON "dead_letter_row" ("at");
CREATE TABLE "counter_row" ("id" INTEGER NOT NULL PRIMARY KEY, "name" VARCHAR(40) NOT NULL,
    "last" INTEGER NOT NULL);
CREATE UNIQUE INDEX "counter_row_name" ON "counter_row" ("name");
CREATE TABLE "ticket_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "number" VARCHAR(20) NOT NULL, "type" VARCHAR(20) NOT NULL, "source" VARCHAR(10) NOT NULL,
    "title" VARCHAR(200) NOT NULL, "description" TEXT NOT NULL, "state" VARCHAR(20) NOT NULL,
    "hold_reason" VARCHAR(30) NOT NULL, "priority" INTEGER NOT NULL,
    "priority_reason" VARCHAR(200) NOT NULL, "asset_id" INTEGER, "reporter_id" INTEGER,
    "reporter_name" VARCHAR(100) NOT NULL, "reporter_contact" VARCHAR(100) NOT NULL,
    "verified" INTEGER NOT NULL, "team_id" INTEGER, "assignee_id" INTEGER, "dispatch_why" TEXT,
    "failure_mode" VARCHAR(20) NOT NULL, "failure_cause" VARCHAR(20) NOT NULL,
    "failure_remedy" VARCHAR(20) NOT NULL, "resolution" TEXT NOT NULL, "procedure" TEXT NOT NULL,
    "dedup_key" VARCHAR(120) NOT NULL, "open_key" VARCHAR(120), "request_id" VARCHAR(64),
    "progress_hash" VARCHAR(64), "parent_id" INTEGER, "merged_into_id" INTEGER, "recurrence_of_id" INTEGER,
    "plan_id" INTEGER, "plan_due_on" DATE, "failed_at" INTEGER, "reported_at" INTEGER NOT NULL,
    "assigned_at" INTEGER, "acknowledged_at" INTEGER, "started_at" INTEGER, "held_at" INTEGER,
    "resolved_at" INTEGER, "closed_at" INTEGER, "restored_at" INTEGER, "respond_due_at" INTEGER,
    "resolve_due_at" INTEGER, "paused_s" INTEGER NOT NULL, "updated_at" INTEGER,
    "occurrences" INTEGER NOT NULL, "reopen_count" INTEGER NOT NULL, "urge_count" INTEGER NOT NULL,
    "other_cost_minor" INTEGER NOT NULL, "cost" TEXT, "rating" INTEGER, "rating_comment" TEXT NOT NULL,
    FOREIGN KEY ("asset_id") REFERENCES "asset_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("reporter_id") REFERENCES "person_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("team_id") REFERENCES "team_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("assignee_id") REFERENCES "person_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("parent_id") REFERENCES "ticket_row" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("merged_into_id") REFERENCES "ticket_row" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("recurrence_of_id") REFERENCES "ticket_row" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "ticket_row_number" ON "ticket_row" ("number");
CREATE INDEX "ticket_row_type" ON "ticket_row" ("type");
CREATE INDEX "ticket_row_title" ON "ticket_row" ("title");
CREATE INDEX "ticket_row_priority" ON "ticket_row" ("priority");
CREATE INDEX "ticket_row_asset_id" ON "ticket_row" ("asset_id");
CREATE INDEX "ticket_row_reporter_id" ON "ticket_row" ("reporter_id");
CREATE INDEX "ticket_row_team_id" ON "ticket_row" ("team_id");
CREATE INDEX "ticket_row_assignee_id" ON "ticket_row" ("assignee_id");
CREATE INDEX "ticket_row_dedup_key" ON "ticket_row" ("dedup_key");
CREATE UNIQUE INDEX "ticket_row_open_key" ON "ticket_row" ("open_key");
CREATE UNIQUE INDEX "ticket_row_request_id" ON "ticket_row" ("request_id");
CREATE UNIQUE INDEX "ticket_row_progress_hash" ON "ticket_row" ("progress_hash");
CREATE INDEX "ticket_row_parent_id" ON "ticket_row" ("parent_id");
CREATE INDEX "ticket_row_merged_into_id" ON "ticket_row" ("merged_into_id");
CREATE INDEX "ticket_row_recurrence_of_id" ON "ticket_row" ("recurrence_of_id");
CREATE INDEX "ticket_row_reported_at" ON "ticket_row" ("reported_at");
CREATE INDEX "ticket_row_resolve_due_at" ON "ticket_row" ("resolve_due_at");
CREATE UNIQUE INDEX "ticket_row_plan_id_asset_id_plan_due_on" ON "ticket_row" ("plan_id", "asset_id",
    "plan_due_on");
CREATE INDEX "ticket_row_state_id" ON "ticket_row" ("state", "id");
CREATE INDEX "ticket_row_state_resolve_due_at" ON "ticket_row" ("state", "resolve_due_at");
CREATE INDEX "ticket_row_assignee_id_state" ON "ticket_row" ("assignee_id", "state");
CREATE INDEX "ticket_row_asset_id_reported_at" ON "ticket_row" ("asset_id", "reported_at");
CREATE TABLE "alarm_row" ("id" INTEGER NOT NULL PRIMARY KEY, "key" VARCHAR(120) NOT NULL, "edge_id" INTEGER,
    "rule_id" INTEGER, "rule_key" VARCHAR(60) NOT NULL, "title" VARCHAR(200) NOT NULL, "asset_id" INTEGER,
    "asset_number" VARCHAR(40) NOT NULL, "severity" VARCHAR(10) NOT NULL, "state" VARCHAR(20) NOT NULL,
    "active" INTEGER NOT NULL, "value" TEXT, "limit_value" REAL, "unit" VARCHAR(20) NOT NULL,
    "raised_at" INTEGER, "cleared_at" INTEGER, "acked_at" INTEGER, "acked_by_id" INTEGER,
    "count" INTEGER NOT NULL, "first_out" INTEGER NOT NULL, "ticket_id" INTEGER,
    FOREIGN KEY ("edge_id") REFERENCES "edge_row" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("rule_id") REFERENCES "rule_row" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("asset_id") REFERENCES "asset_row" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("acked_by_id") REFERENCES "person_row" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "alarm_row_key" ON "alarm_row" ("key");
CREATE INDEX "alarm_row_edge_id" ON "alarm_row" ("edge_id");
CREATE INDEX "alarm_row_rule_id" ON "alarm_row" ("rule_id");
CREATE INDEX "alarm_row_asset_id" ON "alarm_row" ("asset_id");
CREATE INDEX "alarm_row_state" ON "alarm_row" ("state");
CREATE INDEX "alarm_row_active" ON "alarm_row" ("active");
CREATE INDEX "alarm_row_acked_by_id" ON "alarm_row" ("acked_by_id");
CREATE INDEX "alarm_row_ticket_id" ON "alarm_row" ("ticket_id");
CREATE TABLE "occurrence_row" ("id" INTEGER NOT NULL PRIMARY KEY, "occurrence" VARCHAR(40) NOT NULL,
    "alarm_id" INTEGER NOT NULL, "ticket_id" INTEGER, "raised_at" INTEGER NOT NULL, "cleared_at" INTEGER,
    "received_at" INTEGER NOT NULL, "value" TEXT, "limit_value" REAL, "first_out" INTEGER NOT NULL,
    "chart" TEXT, FOREIGN KEY ("alarm_id") REFERENCES "alarm_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "occurrence_row_occurrence" ON "occurrence_row" ("occurrence");
CREATE INDEX "occurrence_row_alarm_id" ON "occurrence_row" ("alarm_id");
CREATE INDEX "occurrence_row_ticket_id" ON "occurrence_row" ("ticket_id");
CREATE INDEX "occurrence_row_raised_at" ON "occurrence_row" ("raised_at");
CREATE INDEX "occurrence_row_alarm_id_cleared_at" ON "occurrence_row" ("alarm_id", "cleared_at");
CREATE TABLE "attachment_row" ("id" INTEGER NOT NULL PRIMARY KEY, "file_id" INTEGER NOT NULL,
    "ticket_id" INTEGER, "asset_id" INTEGER, "kind" VARCHAR(12) NOT NULL, "name" VARCHAR(200) NOT NULL,
    "added_at" INTEGER NOT NULL, "added_by" VARCHAR(40) NOT NULL,
    FOREIGN KEY ("file_id") REFERENCES "file_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("asset_id") REFERENCES "asset_row" ("id") ON DELETE CASCADE);
CREATE INDEX "attachment_row_file_id" ON "attachment_row" ("file_id");
CREATE INDEX "attachment_row_ticket_id" ON "attachment_row" ("ticket_id");
CREATE INDEX "attachment_row_asset_id" ON "attachment_row" ("asset_id");
CREATE TABLE "labour_row" ("id" INTEGER NOT NULL PRIMARY KEY, "ticket_id" INTEGER NOT NULL,
    "person_id" INTEGER NOT NULL, "minutes" INTEGER NOT NULL, "cost_minor_per_h" INTEGER NOT NULL,
    "note" VARCHAR(200) NOT NULL, "at" INTEGER NOT NULL,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("person_id") REFERENCES "person_row" ("id") ON DELETE RESTRICT);
CREATE INDEX "labour_row_ticket_id" ON "labour_row" ("ticket_id");
CREATE INDEX "labour_row_person_id" ON "labour_row" ("person_id");
CREATE TABLE "bin_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "code" VARCHAR(40) NOT NULL, "name" VARCHAR(100) NOT NULL);
CREATE UNIQUE INDEX "bin_row_code" ON "bin_row" ("code");
CREATE TABLE "part_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "number" VARCHAR(40) NOT NULL, "name" VARCHAR(200) NOT NULL, "spec" VARCHAR(200) NOT NULL,
    "unit" VARCHAR(20) NOT NULL, "category" VARCHAR(100) NOT NULL, "bin_id" INTEGER,
    "minimum_milli" INTEGER NOT NULL, "order_milli" INTEGER NOT NULL, "lead_days" INTEGER NOT NULL,
    "supplier" VARCHAR(200) NOT NULL, "active" INTEGER NOT NULL,
    FOREIGN KEY ("bin_id") REFERENCES "bin_row" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "part_row_number" ON "part_row" ("number");
CREATE INDEX "part_row_bin_id" ON "part_row" ("bin_id");
CREATE TABLE "purchase_request_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "number" VARCHAR(20) NOT NULL, "part_id" INTEGER NOT NULL, "ticket_id" INTEGER,
    "qty_milli" INTEGER NOT NULL, "received_milli" INTEGER NOT NULL, "state" VARCHAR(20) NOT NULL,
    "reason" VARCHAR(200) NOT NULL, "requested_at" INTEGER NOT NULL, "closed_at" INTEGER,
    FOREIGN KEY ("part_id") REFERENCES "part_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "purchase_request_row_number" ON "purchase_request_row" ("number");
CREATE INDEX "purchase_request_row_part_id" ON "purchase_request_row" ("part_id");
CREATE INDEX "purchase_request_row_ticket_id" ON "purchase_request_row" ("ticket_id");
CREATE INDEX "purchase_request_row_state" ON "purchase_request_row" ("state");
CREATE TABLE "stock_move_row" ("id" INTEGER NOT NULL PRIMARY KEY, "part_id" INTEGER NOT NULL,
    "bin_id" INTEGER, "kind" VARCHAR(20) NOT NULL, "qty_milli" INTEGER NOT NULL,
    "price_minor" INTEGER NOT NULL, "unit_cost_minor" INTEGER NOT NULL, "on_hand_milli" INTEGER NOT NULL,
    "ticket_id" INTEGER, "request_id" INTEGER, "note" VARCHAR(200) NOT NULL, "at" INTEGER NOT NULL,
    "by" VARCHAR(40) NOT NULL, FOREIGN KEY ("part_id") REFERENCES "part_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("bin_id") REFERENCES "bin_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("request_id") REFERENCES "purchase_request_row" ("id") ON DELETE RESTRICT);
CREATE INDEX "stock_move_row_part_id" ON "stock_move_row" ("part_id");
CREATE INDEX "stock_move_row_bin_id" ON "stock_move_row" ("bin_id");
CREATE INDEX "stock_move_row_ticket_id" ON "stock_move_row" ("ticket_id");
CREATE INDEX "stock_move_row_request_id" ON "stock_move_row" ("request_id");
CREATE TABLE "reservation_row" ("id" INTEGER NOT NULL PRIMARY KEY, "part_id" INTEGER NOT NULL,
    "ticket_id" INTEGER NOT NULL, "qty_milli" INTEGER NOT NULL, "issued_milli" INTEGER NOT NULL,
    "open" INTEGER NOT NULL, "at" INTEGER NOT NULL,
    FOREIGN KEY ("part_id") REFERENCES "part_row" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("ticket_id") REFERENCES "ticket_row" ("id") ON DELETE CASCADE);
CREATE INDEX "reservation_row_part_id" ON "reservation_row" ("part_id");
CREATE INDEX "reservation_row_ticket_id" ON "reservation_row" ("ticket_id");
CREATE INDEX "reservation_row_open" ON "reservation_row" ("open");
CREATE TABLE "plan_row" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL,
    "name" VARCHAR(200) NOT NULL, "every" INTEGER NOT NULL, "period" VARCHAR(10) NOT NULL,
    "start_on" DATE NOT NULL, "mode" VARCHAR(10) NOT NULL, "lead_days" INTEGER NOT NULL,
    "grace_days" INTEGER NOT NULL, "skip_if_open" INTEGER NOT NULL, "priority" INTEGER NOT NULL,
    "team_id" INTEGER, "description" TEXT NOT NULL, "procedure" TEXT NOT NULL, "kit" TEXT NOT NULL,
    "estimated_min" INTEGER NOT NULL, "active" INTEGER NOT NULL,
    FOREIGN KEY ("team_id") REFERENCES "team_row" ("id") ON DELETE SET NULL);
CREATE INDEX "plan_row_team_id" ON "plan_row" ("team_id");
CREATE TABLE "plan_asset_row" ("id" INTEGER NOT NULL PRIMARY KEY, "plan_id" INTEGER NOT NULL,
    "asset_id" INTEGER NOT NULL, FOREIGN KEY ("plan_id") REFERENCES "plan_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("asset_id") REFERENCES "asset_row" ("id") ON DELETE CASCADE);
CREATE INDEX "plan_asset_row_plan_id" ON "plan_asset_row" ("plan_id");
CREATE INDEX "plan_asset_row_asset_id" ON "plan_asset_row" ("asset_id");
CREATE UNIQUE INDEX "plan_asset_row_plan_id_asset_id" ON "plan_asset_row" ("plan_id", "asset_id");
CREATE TABLE "journal_row" ("id" INTEGER NOT NULL PRIMARY KEY, "at" INTEGER NOT NULL,
    "actor" VARCHAR(40) NOT NULL, "actor_name" VARCHAR(100) NOT NULL, "verb" VARCHAR(40) NOT NULL,
    "subject" VARCHAR(20) NOT NULL, "subject_id" INTEGER, "ticket_id" INTEGER, "data" TEXT NOT NULL);
CREATE INDEX "journal_row_ticket_id" ON "journal_row" ("ticket_id");
CREATE INDEX "journal_row_subject_subject_id" ON "journal_row" ("subject", "subject_id");
CREATE TABLE "notice_row" ("id" INTEGER NOT NULL PRIMARY KEY, "journal_id" INTEGER NOT NULL,
    "person_id" INTEGER, "channel" VARCHAR(20) NOT NULL, "address" TEXT NOT NULL,
    "title" VARCHAR(200) NOT NULL, "body" TEXT NOT NULL, "created_at" INTEGER NOT NULL,
    "next_try_at" INTEGER, "attempts" INTEGER NOT NULL, "sent_at" INTEGER, "failure" VARCHAR(200) NOT NULL,
    FOREIGN KEY ("journal_id") REFERENCES "journal_row" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("person_id") REFERENCES "person_row" ("id") ON DELETE CASCADE);
CREATE INDEX "notice_row_journal_id" ON "notice_row" ("journal_id");
CREATE INDEX "notice_row_person_id" ON "notice_row" ("person_id");
CREATE INDEX "notice_row_next_try_at" ON "notice_row" ("next_try_at");
CREATE TABLE "job_run_row" ("id" INTEGER NOT NULL PRIMARY KEY, "job" VARCHAR(40) NOT NULL,
    "slot" VARCHAR(40) NOT NULL, "at" INTEGER NOT NULL);
CREATE UNIQUE INDEX "job_run_row_job_slot" ON "job_run_row" ("job", "slot");
CREATE TABLE "meta_row" ("id" INTEGER NOT NULL PRIMARY KEY, "key" VARCHAR(60) NOT NULL, "value" TEXT);
CREATE UNIQUE INDEX "meta_row_key" ON "meta_row" ("key");
