extension SwarmTopology {
    static func readSwarm(_ value: TopologyValue) throws -> Swarm {
        let section = try value.section(keys: ["name", "seed", "secret"])
        let name = try section.required("name")
        try checkName(name)
        return Swarm(
            name: try name.text(), seed: try section["seed"]?.seed() ?? 0, secret: try section["secret"]?.text())
    }

    /// Names go into file names, so only letters, digits and a few signs are allowed.
    package static func checkName(_ value: TopologyValue) throws {
        let text = try value.text()
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
            default: false
            }
        }
        guard allowed, text.utf8.count <= 64, text.utf8.first != UInt8(ascii: ".") else {
            throw value.error(
                "\"\(text.prefix(80))\" is not a name; up to 64 letters a to z, digits, - _ . are allowed, no dot first"
            )
        }
    }

    static func readModel(_ value: TopologyValue) throws -> Model {
        let section = try value.section(keys: ["base", "lora"])
        let base = try section.required("base")
        var model = Model(base: try readBuiltIn(base, known: ["builtin:fledgling"], else: "the path of a directory"))
        guard let place = section["lora"] else { return model }
        let lora = try place.section(keys: [
            "rank", "alpha", "dropout", "targets", "rank-stabilised", "rank-pattern", "alpha-pattern",
        ])
        if let value = lora["rank"] { model.lora.rank = try value.integer(in: 1...1024) }
        model.lora.alpha = 2 * Double(model.lora.rank)
        if let value = lora["alpha"] {
            model.lora.alpha = try value.number("a number above 0 is allowed") { $0 > 0 && $0 <= 1e6 }
        }
        if let value = lora["dropout"] {
            model.lora.dropout = try value.number("0 to below 1 is allowed") { $0 >= 0 && $0 < 1 }
        }
        if let value = lora["targets"] { model.lora.targets = try readTargets(value) }
        if let value = lora["rank-stabilised"] { model.lora.isRankStabilised = try value.flag() }
        model.lora.rankPattern = try readPattern(lora["rank-pattern"]) { try $0.integer(in: 1...1024) }
        model.lora.alphaPattern = try readPattern(lora["alpha-pattern"]) {
            try $0.number("a number above 0 is allowed") { $0 > 0 && $0 <= 1e6 }
        }
        return model
    }

    /// The modules and values of `rank-pattern` or `alpha-pattern`, in their order.
    private static func readPattern<Value>(
        _ place: TopologyValue?, _ read: (TopologyValue) throws -> Value
    ) throws -> [LoRA.Exception<Value>] {
        guard let place else { return [] }
        return try place.entries().map { name, value in
            guard isModule(name) else {
                throw value.error(
                    "\"\(name.prefix(80))\" is not the end of a module's path; for example layers.3.self_attn.q_proj")
            }
            return LoRA.Exception(module: name, value: try read(value))
        }
    }

    /// Whether `name` is a projection's name, or a path of plain words and numbers that ends in one.
    private static func isModule(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = parts.last, LoRA.knownTargets.contains(String(last)), name.utf8.count <= 512 else {
            return false
        }
        return parts.allSatisfy { part in
            !part.isEmpty
                && part.utf8.allSatisfy {
                    ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7a || $0 == 0x5f || (0x30...0x39).contains($0)
                }
        }
    }

    private static func readTargets(_ value: TopologyValue) throws -> [String] {
        if !value.isList, try value.text() == LoRA.allTargets { return [LoRA.allTargets] }
        var targets: [String] = []
        let known = LoRA.knownTargets
        for element in try value.list() {
            let name = try element.text()
            guard isModule(name) else {
                let hint = NearestName.of(name, among: known).map { " (did you mean \"\($0)\"?)" } ?? ""
                throw element.error("\"\(name)\" is unknown\(hint); allowed: \(known.joined(separator: ", "))")
            }
            guard !targets.contains(name) else { throw element.error("\"\(name)\" is given twice") }
            targets.append(name)
        }
        guard !targets.isEmpty else { throw value.error("one projection at least carries the adapter") }
        return targets
    }

    /// A path, or one of the built-in names; another name that begins with `builtin:` is refused.
    private static func readBuiltIn(_ value: TopologyValue, known: [String], else path: String) throws -> String {
        let text = try value.text()
        guard text.hasPrefix("builtin") && !known.contains(text) else { return text }
        let hint = NearestName.of(text, among: known).map { " (did you mean \"\($0)\"?)" } ?? ""
        throw value.error("\"\(text)\" is unknown\(hint); allowed: \(known.joined(separator: ", ")) or \(path)")
    }

    static func readTuning(_ value: TopologyValue?) throws -> Tuning {
        var tuning = Tuning()
        guard let value else { return tuning }
        let section = try value.section(keys: [
            "template", "cutoff", "train-on-inputs", "batch", "learning-rate", "local-steps", "rounds", "weight-decay",
            "warmup", "schedule", "accumulation", "clip-norm", "precision",
        ])
        if let value = section["template"] {
            try checkName(value)
            tuning.template = try value.text()
        }
        if let value = section["cutoff"] { tuning.cutoff = try value.integer(in: 8...1_048_576) }
        if let value = section["train-on-inputs"] { tuning.trainOnInputs = try value.flag() }
        if let value = section["batch"] { tuning.batch = try value.integer(in: 1...65_536) }
        if let value = section["learning-rate"] {
            tuning.learningRate = try value.number("a number above 0, at most 1, is allowed") { $0 > 0 && $0 <= 1 }
        }
        if let value = section["local-steps"] { tuning.localSteps = try value.integer(in: 1...1_000_000) }
        if let value = section["rounds"] { tuning.rounds = try value.integer(in: 1...1_000_000) }
        if let value = section["weight-decay"] {
            tuning.weightDecay = try value.number("0 to 1 is allowed") { $0 >= 0 && $0 <= 1 }
        }
        if let value = section["warmup"] { tuning.warmup = try value.integer(in: 0...1_000_000) }
        if let value = section["schedule"] { tuning.schedule = try value.choice(Tuning.Schedule.self) }
        if let value = section["accumulation"] { tuning.accumulation = try value.integer(in: 1...65_536) }
        if let value = section["clip-norm"] {
            tuning.clipNorm = try value.number("0 or more is allowed") { $0 >= 0 && $0 <= 1e6 }
        }
        if let value = section["precision"] { tuning.precision = try value.choice(Tuning.Precision.self) }
        return tuning
    }

    static func readExchange(_ value: TopologyValue?) throws -> Exchange {
        var exchange = Exchange()
        guard let value else { return exchange }
        let section = try value.section(keys: [
            "mixing", "weights", "factors", "compression", "robustness", "staleness", "consensus-bound",
            "round-deadline",
        ])
        if let value = section["mixing"] {
            let planned = ["push-sum", "pairwise", "one-peer-exponential", "epidemic"]
            exchange.mixing = try value.choice(Exchange.Mixing.self, planned: planned)
        }
        if let value = section["weights"] { exchange.weights = try value.choice(Exchange.Weights.self) }
        if let value = section["factors"] {
            let planned = ["freeze-a", "alternate", "product"]
            exchange.factors = try value.choice(Exchange.Factors.self, planned: planned)
        }
        if let value = section["compression"] {
            let planned = ["bf16", "int8", "int4", "top-k"]
            exchange.compression = try value.choice(Exchange.Compression.self, planned: planned)
        }
        if let value = section["robustness"] {
            let planned = ["clip", "centred-clipping", "median", "trimmed-mean", "krum"]
            exchange.robustness = try value.choice(Exchange.Robustness.self, planned: planned)
        }
        if let value = section["staleness"] { exchange.staleness = try value.integer(in: 0...1000) }
        if let value = section["consensus-bound"] {
            exchange.consensusBound = try value.number("a number from 1e-6 to below 1 is allowed") {
                $0 >= 1e-6 && $0 < 1
            }
        }
        if let value = section["round-deadline"] {
            exchange.roundDeadline = try value.number("seconds, above 0 and up to 604800, are allowed") {
                $0 > 0 && $0 <= 604_800
            }
        }
        return exchange
    }

    static func readData(_ value: TopologyValue?, peers: [PeerEntry], in file: TopologySection) throws -> Data {
        let own = peers.filter { $0.data != nil }.count
        guard let value else {
            if own == peers.count { return Data() }
            throw file.place.error(
                "data is missing: a source to deal out, or data: on each of the \(peers.count) peers (\(own) have it)")
        }
        let section = try value.section(keys: ["source", "partition", "held-out", "count"])
        var data = Data()
        if let value = section["held-out"] { data.heldOut = try value.integer(in: 0...1_000_000) }
        guard let source = section["source"] else {
            guard own == peers.count else {
                throw value.error("source is missing, and \(peers.count - own) of the peers have no data: of their own")
            }
            for key in ["partition", "count"] {
                if let value = section[key] {
                    throw value.error("every peer has data: of its own; nothing is dealt out")
                }
            }
            return data
        }
        guard own == 0 else {
            throw source.error("there is one source to deal out and data: on \(own) peers; give one or the other")
        }
        data.source = try readSource(source)
        if let value = section["partition"] { data.partition = try readPartition(value) }
        if let value = section["count"] {
            guard data.source?.hasPrefix("builtin:") == true else {
                throw value.error("count is for built-in sources; a file has the records it has")
            }
            data.count = try value.integer(in: 1...10_000_000)
        }
        return data
    }

    /// A built-in source or the path of a JSON or JSON Lines file.
    static func readSource(_ value: TopologyValue) throws -> String {
        let text = try readBuiltIn(value, known: ["builtin:chores"], else: "the path of a .json or .jsonl file")
        guard text.hasPrefix("builtin:") || text.hasSuffix(".json") || text.hasSuffix(".jsonl") else {
            throw value.error(
                "\"\(text)\" is not a source; builtin:chores or the path of a .json or .jsonl file is allowed")
        }
        guard !text.contains("://") else {
            throw value.error("\"\(text)\" is an address on a network; fetch the file and give its path")
        }
        return text
    }

    private static func readPartition(_ value: TopologyValue) throws -> Data.Partition {
        let section = try value.section(keys: ["scheme", "alpha", "minimum"])
        var partition = Data.Partition()
        partition.scheme = try section.required("scheme").choice(Data.Scheme.self)
        if let value = section["alpha"] {
            guard partition.scheme.isDrawn else { throw value.error("alpha is for the schemes dirichlet and quantity") }
            partition.alpha = try value.number("a number above 0, at most 1000000, is allowed") { $0 > 0 && $0 <= 1e6 }
        }
        if let value = section["minimum"] {
            guard partition.scheme.isDrawn else {
                throw value.error("minimum is for the schemes dirichlet and quantity")
            }
            partition.minimum = try value.integer(in: 1...10_000_000)
        }
        return partition
    }
}
