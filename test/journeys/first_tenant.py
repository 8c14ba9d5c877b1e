"""What a tenant's developer does, in Python: the same walk as first-tenant.test.ts. Prints what it saw as JSON."""

import json
import sys
import time

from openai import NotFoundError, OpenAI

url, key, rows = sys.argv[1:]
client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

file = client.files.create(file=("train.jsonl", rows.encode()), purpose="fine-tune")
job = client.fine_tuning.jobs.create(
    model="minilm-l6",
    training_file=file.id,
    suffix="snake",
    seed=1,
    method={"type": "kv", "kv": {"hyperparameters": {"n_epochs": 2, "tokens": 4}}},
)
while job.status not in ("succeeded", "failed", "cancelled"):
    time.sleep(0.1)
    job = client.fine_tuning.jobs.retrieve(job.id)
# Pages of five: the client asks for the next by itself.
events = list(client.fine_tuning.jobs.list_events(job.id, limit=5))
models = [model.id for model in client.models.list()]

text = json.loads(rows.splitlines()[0])["text"]
answer = client.post("/classify", body={"model": job.fine_tuned_model, "input": [text, text]}, cast_to=object)
# Base64 on the wire, unless told otherwise.
vector = client.embeddings.create(model="minilm-l6", input=text).data[0].embedding
content = client.files.content(file.id).text

deleted = client.models.delete(job.fine_tuned_model)
missing = False
try:
    client.models.retrieve(job.fine_tuned_model)
except NotFoundError as error:
    missing = error.code == "model_not_found"
for each in client.files.list():
    client.files.delete(each.id)

print(
    json.dumps(
        {
            "status": job.status,
            "model": job.fine_tuned_model,
            "events": [event.message for event in reversed(events)],
            "event_ids": len({event.id for event in events}),
            "models": models,
            "answer": answer,
            "length": sum(x * x for x in vector) ** 0.5,
            "dimensions": len(vector),
            "content": content == rows,
            "deleted": deleted.deleted,
            "missing": missing,
            "files": len(list(client.files.list())),
        }
    )
)
