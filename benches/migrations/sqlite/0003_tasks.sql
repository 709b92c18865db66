CREATE TABLE tasks (id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects (id), title TEXT NOT NULL, done BOOLEAN NOT NULL DEFAULT FALSE);
CREATE INDEX tasks_project ON tasks (project_id);
