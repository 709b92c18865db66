CREATE TABLE labels (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE task_labels (task_id INTEGER NOT NULL REFERENCES tasks (id), label_id INTEGER NOT NULL REFERENCES labels (id), PRIMARY KEY (task_id, label_id));
