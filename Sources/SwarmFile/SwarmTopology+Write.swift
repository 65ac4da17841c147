import Basics
import Overlay

extension SwarmTopology {
    /// The topology as a file with every key written out and the peers as a list; reading it gives an equal value.
    package var yaml: String {
        var lines = ["murmuration: \(Self.formatVersion)", "swarm:"]
        lines.append("  name: \(Self.quoted(swarm.name))")
        lines.append("  seed: \(swarm.seed)")
        if let secret = swarm.secret { lines.append("  secret: \(Self.quoted(secret))") }
        lines += modelLines + tuningLines + dataLines + exchangeLines + graphLines + peerLines
        return lines.joined(separator: "\n") + "\n"
    }

    private var modelLines: [String] {
        let targets = model.lora.targets.joined(separator: ", ")
        let numbers = "rank: \(model.lora.rank), alpha: \(model.lora.alpha), dropout: \(model.lora.dropout)"
        func pattern<Value>(_ name: String, _ entries: [LoRA.Exception<Value>]) -> String {
            entries.isEmpty
                ? "" : ", \(name): { \(entries.map { "\($0.module): \($0.value)" }.joined(separator: ", ")) }"
        }
        let list = model.lora.targets == [LoRA.allTargets] ? LoRA.allTargets : "[\(targets)]"
        let rest =
            (model.lora.isRankStabilised ? ", rank-stabilised: true" : "")
            + pattern("rank-pattern", model.lora.rankPattern) + pattern("alpha-pattern", model.lora.alphaPattern)
        return ["model:", "  base: \(Self.quoted(model.base))", "  lora: { \(numbers), targets: \(list)\(rest) }"]
    }

    private var tuningLines: [String] {
        [
            "tuning:", "  template: \(Self.quoted(tuning.template))", "  cutoff: \(tuning.cutoff)",
            "  train-on-inputs: \(tuning.trainOnInputs)", "  batch: \(tuning.batch)",
            "  learning-rate: \(tuning.learningRate)", "  local-steps: \(tuning.localSteps)",
            "  rounds: \(tuning.rounds)", "  weight-decay: \(tuning.weightDecay)", "  warmup: \(tuning.warmup)",
            "  schedule: \(tuning.schedule.rawValue)", "  accumulation: \(tuning.accumulation)",
            "  clip-norm: \(tuning.clipNorm)", "  precision: \(tuning.precision.rawValue)",
        ]
    }

    private var dataLines: [String] {
        var lines = ["data:"]
        if let source = data.source {
            lines.append("  source: \(Self.quoted(source))")
            let partition = data.partition
            let drawn =
                partition.scheme.isDrawn ? ", alpha: \(partition.alpha), minimum: \(partition.minimum)" : ""
            lines.append("  partition: { scheme: \(partition.scheme.rawValue)\(drawn) }")
        }
        lines.append("  held-out: \(data.heldOut)")
        if let count = data.count { lines.append("  count: \(count)") }
        return lines
    }

    private var exchangeLines: [String] {
        var lines = [
            "exchange:", "  mixing: \(exchange.mixing.rawValue)", "  weights: \(exchange.weights.rawValue)",
            "  factors: \(exchange.factors.rawValue)", "  compression: \(exchange.compression.rawValue)",
            "  robustness: \(exchange.robustness.rawValue)", "  staleness: \(exchange.staleness)",
            "  consensus-bound: \(exchange.consensusBound)",
        ]
        if let deadline = exchange.roundDeadline { lines.append("  round-deadline: \(deadline)") }
        return lines
    }

    private var graphLines: [String] {
        var lines = ["graph:", "  kind: \(graph.kind.rawValue)"]
        if let degree = graph.degree { lines.append("  degree: \(degree)") }
        if graph.kind == .edges {
            let pairs = graph.edges.map {
                "[\(Self.quoted(peers[$0.first].name)), \(Self.quoted(peers[$0.second].name))]"
            }
            lines.append("  edges: [\(pairs.joined(separator: ", "))]")
        }
        return lines
    }

    private var peerLines: [String] {
        ["peers:"]
            + peers.map { peer in
                var fields = ["name: \(Self.quoted(peer.name))"]
                if let id = peer.id { fields.append("id: \"\(id)\"") }
                if let key = peer.exchangeKey { fields.append("key: \"\(key.hexadecimal)\"") }
                if let address = peer.address { fields.append("address: \"\(address)\"") }
                if let data = peer.data { fields.append("data: \(Self.quoted(data))") }
                return "  - { \(fields.joined(separator: ", ")) }"
            }
    }

    /// A double-quoted YAML scalar; control characters are escaped by number.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
