"""What programs of others read of files and servers, as one JSON document: read.py KIND ARGUMENT..."""

import json
import sys
from pathlib import Path


def mlflow(url, experiment):
    import mlflow.onnx
    from mlflow import MlflowClient, set_tracking_uri

    set_tracking_uri(url)
    client = MlflowClient()
    [found] = [each for each in client.search_experiments() if each.name == experiment]
    [run] = client.search_runs([found.experiment_id])
    versions = client.search_model_versions()
    history = client.get_metric_history(run.info.run_id, "frelu/validation/loss")
    loaded = mlflow.onnx.load_model(f"models:/{versions[0].name}/{versions[0].version}") if versions else None
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": run.data.tags,
        "curve": [[each.step, each.value] for each in history],
        "artifacts": sorted(each.path for each in client.list_artifacts(run.info.run_id)),
        "report": json.loads(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/report.json"))["verdict"],
        "versions": [{"name": each.name, "run": each.run_id == run.info.run_id} for each in versions],
        "operators": None if loaded is None else [node.op_type for node in loaded.graph.node],
    }


def tensorboard(folder):
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    runs = EventMultiplexer().AddRunsFromDirectory(folder)
    runs.Reload()
    scalars = {
        run: {tag: [[each.step, each.value] for each in runs.Scalars(run, tag)] for tag in tags["scalars"]}
        for run, tags in runs.Runs().items()
    }
    texts = {
        run: {
            tag: runs.Tensors(run, tag)[0].tensor_proto.string_val[0].decode()
            for tag in tags["tensors"]
            if runs.SummaryMetadata(run, tag).plugin_data.plugin_name == "text"
        }
        for run, tags in runs.Runs().items()
    }
    return {"scalars": scalars, "texts": texts}


def junit(path):
    from junitparser import JUnitXml

    suites = JUnitXml.fromfile(path)
    return [
        {"suite": suite.name, "name": case.name, "failures": [each.message for each in case.result]}
        for suite in suites
        for case in suite
    ]


def card(path):
    from huggingface_hub import ModelCard

    read = ModelCard(Path(path).read_text(encoding="utf-8"))
    return {
        "library": read.data.library_name,
        "tags": read.data.tags,
        "model": read.data.model_name,
        "results": [[each.task_type, each.dataset_type, each.metric_type, each.metric_value] for each in read.data.eval_results],
        "text": read.text.strip().splitlines()[0],
    }


def prometheus(path):
    from prometheus_client.parser import text_string_to_metric_families

    return [
        {"name": each.name, "labels": each.labels, "value": each.value, "type": family.type}
        for family in text_string_to_metric_families(Path(path).read_text(encoding="utf-8"))
        for each in family.samples
    ]


kind, *arguments = sys.argv[1:]
print(json.dumps({f.__name__: f for f in (mlflow, tensorboard, junit, card, prometheus)}[kind](*arguments)))
