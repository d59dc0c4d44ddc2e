"""What a tutorial would do with the same reports: `python bench/tutorial.py BROKER_PORT INFLUX_URL BUCKET`.

A callback, JSON, `Point`, and influxdb-client's batching write with its defaults, over a subscription at QoS 1.
Messages are acknowledged on receipt. There is no signature, no order, no duplicate, no register, and no answer to the
tag; what is in its queue when it dies is gone.
"""

import json
import sys
from datetime import UTC, datetime
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import WriteOptions
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

FIELDS = {
    "use": ("span", "in_use", "events"),
    "health": ("battery_mv", "heap_free", "wakes", "awake_s"),
}

port, url, bucket = int(sys.argv[1]), sys.argv[2], sys.argv[3]
influx = InfluxDBClient(url, token="bench", org="bench")
write_api = influx.write_api(write_options=WriteOptions())


def on_connect(client: Client, *_: Any) -> None:
    client.subscribe("kitback/+/+/up/report", qos=1)


def on_subscribe(*_: Any) -> None:
    print("listening", flush=True)


def on_message(_client: Client, _userdata: Any, message: MQTTMessage) -> None:
    report = json.loads(message.payload.decode().split("\n")[0])
    began = report["pair"][2] - report["pair"][1]
    for record in report["records"]:
        point = Point(record[0]).tag("tag", message.topic.split("/")[2])
        if record[0] == "fix":
            point = point.field("cause", record[3]).field("anchors", len(record[5]))
        else:
            for name, value in zip(FIELDS[record[0]], record[3:], strict=False):
                point = point.field(name, value)
        point = point.time(datetime.fromtimestamp(began + record[2], UTC))
        write_api.write(bucket=bucket, record=point)


client = Client(CallbackAPIVersion.VERSION2)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect("127.0.0.1", port)
client.loop_forever()
