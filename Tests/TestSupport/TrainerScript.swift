import Foundation

/// A trainer of the tests, in Python without any package: it moves every value by the learning rate times a momentum that
/// its snapshot keeps, and does wrong what it is told to do wrong.
package enum TrainerScript {
    /// Whether this machine can run it.
    package static let isPossible = runs(["-c", "import json"])
    /// Whether this machine can run the trainer of docs/trainers.md.
    package static let hasNumpy = runs(["-c", "import numpy, safetensors.numpy"])
    /// An interpreter with PyTorch, PEFT and Accelerate.
    package static let readyPython = ProcessInfo.processInfo.environment["MURMUR_PYTHON"]

    private static func runs(_ arguments: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    /// Its arguments: what it does wrong, or `good`; a file that is made when it has done so once, after which it behaves,
    /// or nothing; a file for its process number.
    package static let text = #"""
        import array, json, os, struct, sys, time

        mode, marker, place = sys.argv[1:4]
        if marker and os.path.exists(marker):
            mode = "good"
        open(place, "w").write(str(os.getpid()))
        momentum = 0.0

        def say(**message):
            print(json.dumps(message), flush=True)

        def wrong(name):
            global mode
            if mode != name:
                return False
            if marker:
                open(marker, "w").close()
                mode = "good"
            return True

        def read(path):
            data = open(path, "rb").read()
            length = struct.unpack("<Q", data[:8])[0]
            header, data = json.loads(data[8:8 + length]), data[8 + length:]
            return {name: (entry["shape"], array.array("f", data[slice(*entry["data_offsets"])]))
                    for name, entry in header.items() if name != "__metadata__"}

        def write(tensors, path):
            header, data = {}, b""
            for name, (shape, values) in tensors.items():
                begin = len(data)
                data += values.tobytes()
                header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
            text = json.dumps(header).encode()
            open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)

        for line in sys.stdin:
            ask = json.loads(line)
            number = ask.get("id")
            if ask["type"] == "hello":
                assert len(open(ask["records"]["file"]).readlines()) == ask["records"]["count"]
                if wrong("no-start"):
                    print("there is no such module", file=sys.stderr)
                    sys.exit(3)
                if wrong("greets-wrongly"):
                    say(type="ready", protocol=2, name="of tomorrow", samples=ask["records"]["count"])
                    continue
                held_out = ask["held_out"]
                knows = {"draws-back": ["dancing", "proximal"]}.get(mode, ["tracking"] if "tracks" in mode else [])
                say(type="ready", protocol=1, name="the tests'", samples=ask["records"]["count"], knows=knows)
            elif ask["type"] == "train":
                tensors, start = read(ask["adapter"]), read(ask["adapter"])
                correction = read(ask["tracking"]["correction"]) if ask["tracking"] else None
                for step in ask["steps"]:
                    if wrong("dies"):
                        print("out of memory", file=sys.stderr)
                        os._exit(9)
                    if wrong("is-killed"):
                        os.kill(os.getpid(), 9)
                    if wrong("hangs"):
                        time.sleep(600)
                    if wrong("hangs-deaf"):
                        say(type="step", id=number, number=step["number"], loss=1)
                        while True:
                            say(type="alive")
                            time.sleep(0.2)
                    if wrong("prints"):
                        print("Loading the model ...", flush=True)
                    if wrong("floods"):
                        while True:
                            sys.stdout.write("x" * 65536)
                    if wrong("beats"):
                        while True:
                            say(type="alive")
                    if wrong("complains"):
                        sys.stderr.write("much ado\n" * 2_000_000)
                    if wrong("refuses"):
                        say(type="error", id=number, message="the graphics processor is\nbusy")
                        break
                    momentum = 0.5 * momentum + 1
                    for name, (shape, values) in tensors.items():
                        for index in range(len(values)):
                            back = ask["proximal"] * (start[name][1][index] - values[index])
                            push = correction[name][1][index] if correction else 0
                            values[index] += step["learning_rate"] * (momentum + back - push)
                    loss = sum(step["records"]) + 1.0
                    if wrong("loses"):
                        print('{"type":"step","id":%d,"number":%d,"loss":NaN}' % (number, step["number"]), flush=True)
                    say(type="step", id=number, number=step["number"] + wrong("miscounts"), loss=loss)
                else:
                    first = next(iter(tensors))
                    if wrong("nan"):
                        tensors[first][1][3] = float("nan")
                    if wrong("shape"):
                        tensors[first] = (tensors[first][0][::-1], tensors[first][1])
                    if wrong("misses"):
                        del tensors[first]
                    if wrong("adds"):
                        tensors["lora_C"] = ([1], array.array("f", [0.0]))
                    if wrong("large"):
                        tensors["lora_C"] = ([1 << 20], array.array("f", [0.0] * (1 << 20)))
                    if correction and mode != "tracks-silently":
                        gradient = {name: (shape, array.array("f", [-momentum] * len(values)))
                                    for name, (shape, values) in tensors.items()}
                        if mode == "tracks-nan":
                            gradient[first][1][3] = float("nan")
                        write(gradient, ask["tracking"]["gradient"])
                    if not wrong("writes-nothing"):
                        write(tensors, ask["result"])
                    if wrong("pipe"):
                        os.remove(ask["result"])
                        os.mkfifo(ask["result"])
                    count = sum(len(step["records"]) for step in ask["steps"])
                    say(type="trained", id=number + wrong("answers-another"), records=count + wrong("boasts"))
            elif ask["type"] == "evaluate":
                records = [json.loads(line) for line in open(ask["records"])]
                tokens = sum(sum(record["loss"][1:]) for record in records)
                values = [value for shape, values in read(ask["adapter"]).values() for value in values]
                say(type="evaluated", id=number, loss=sum(values) / len(values), tokens=tokens + wrong("mismeasures"))
            elif ask["type"] == "snapshot":
                open(ask["file"], "w").write(str(momentum))
                say(type="snapshotted", id=number)
            elif ask["type"] == "restore":
                momentum = float(open(ask["file"]).read())
                say(type="restored", id=number)
            elif ask["type"] == "stop":
                break
        """#
}
