import base64
import json
import os
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from websockets.sync.client import connect

key = load_pem_private_key(Path(os.environ["KEY_PATH"]).read_bytes(), password=None)
timestamp = str(int(time.time() * 1000))
signature = key.sign(
    f"{timestamp}GET/trade-api/ws/v2".encode(),
    padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH),
    hashes.SHA256(),
)
headers = {
    "KALSHI-ACCESS-KEY": os.environ["KEY_ID"],
    "KALSHI-ACCESS-TIMESTAMP": timestamp,
    "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
}
with connect(os.environ["WS_URL"], additional_headers=headers) as socket:
    socket.send(json.dumps({"id": 1, "cmd": "subscribe", "params": {"channels": ["ticker"]}}))
    for _ in range(3):
        print(socket.recv())
