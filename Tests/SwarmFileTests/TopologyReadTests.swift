import Adapters
import Aggregation
import Basics
import Overlay
import SwarmFile
import TestSupport
import Testing

@Suite struct TopologyReadTests {
    static let minimal = """
        murmuration: 1
        swarm: { name: demo }
        model: { base: builtin:fledgling }
        data: { source: builtin:chores }
        graph: { kind: ring }
        peers: { count: 4 }
        """

    @Test func defaultsAreFilledIn() throws {
        let topology = try SwarmTopology.parse(Self.minimal, file: "t.yaml")
        #expect(topology.swarm == .init(name: "demo", seed: 0))
        #expect(topology.model.lora.rank == 8 && topology.model.lora.alpha == 16)
        #expect(topology.tuning.batch == 16 && topology.tuning.schedule == .constant)
        #expect(topology.exchange.consensusBound == 1e-3 && topology.exchange.staleness == 2)
        #expect(topology.peers.map(\.name) == ["peer-0", "peer-1", "peer-2", "peer-3"])
        #expect(!topology.isResolved)
    }

    @Test func everyKeyIsRead() throws {
        let text = """
            murmuration: 1
            swarm: { name: all, seed: 18446744073709551615, secret: keys/psk }
            model: { base: models/tiny, lora: { rank: 4, alpha: 12.5, dropout: 0.1, targets: [down_proj, q_proj] } }
            tuning:
              template: alpaca_short
              cutoff: 128
              train-on-inputs: true
              batch: 3
              learning-rate: 1e-3
              local-steps: 7
              rounds: 9
              weight-decay: 0.01
              warmup: 5
              schedule: cosine
              accumulation: 4
              clip-norm: 0.5
              precision: auto
            data: { source: builtin:chores, partition: { scheme: dirichlet, alpha: 0.1, minimum: 5 }, held-out: 3, validation: 2, count: 900 }
            exchange: { mixing: metropolis, weights: uniform, factors: both, compression: none, robustness: none,
                        staleness: 1, consensus-bound: 1e-4, round-deadline: 2.5 }
            graph: { kind: random-regular, degree: 3 }
            peers: { count: 6, host: "::1", first-port: 65530 }
            """
        let topology = try SwarmTopology.parse(text, file: "t.yaml")
        #expect(topology.swarm == .init(name: "all", seed: .max, secret: "keys/psk"))
        #expect(topology.model.lora == .init(rank: 4, alpha: 12.5, dropout: 0.1, targets: [.down, .query]))
        #expect(topology.tuning.template == "alpaca_short" && topology.tuning.trainOnInputs)
        #expect(topology.tuning.accumulation == 4 && topology.tuning.clipNorm == 0.5)
        #expect(topology.tuning.precision == .auto)
        #expect(topology.tuning.warmup == 5 && topology.tuning.schedule == .cosine)
        #expect(topology.data.count == 900 && topology.data.validation == 2)
        #expect(topology.data.partition.scheme == .dirichlet)
        #expect(topology.exchange.weights == .uniform && topology.exchange.roundDeadline == 2.5)
        #expect(topology.peers[5].address == NetworkAddress(host: "::1", port: 65535))
        #expect(try topology.swarmGraph().neighbours.allSatisfy { $0.count == 3 })
    }

    @Test(arguments: [("complete", nil, 2_002), ("random-regular", Int.max, 3_000)])
    func tooManyEdgesAreRefusedBeforeTheyAreLaid(kind: String, degree: Int?, count: Int) throws {
        var topology = try SwarmTopology.parse(Self.minimal, file: "t.yaml")
        topology.graph = .init(kind: try #require(.init(rawValue: kind)), degree: degree)
        let peer = topology.peers[0]
        topology.peers = (0..<count).map { .init(name: "peer-\($0)", address: peer.address) }
        let error = try #require(throws: SwarmGraph.ImpossibleGraph.self) { try topology.swarmGraph() }
        #expect(error.description.contains("2000000 are allowed"))
        topology.peers.removeLast(kind == "complete" ? 2 : 0)
        topology.graph.degree = degree.map { _ in 4 }
        #expect(try topology.swarmGraph().edges.count == (kind == "complete" ? 1_999_000 : 6_000))
    }

    @Test func trainersAreCommandsOrTheBuiltInEngine() throws {
        let text =
            Self.minimal.replacing(
                "peers: { count: 4 }",
                with: """
                    peers:
                      - { name: a, trainer: { command: [python3, "b c", "say \\"hi\\""], silence-limit: 5, restarts: 0 } }
                      - { name: b }
                      - { name: c, trainer: built-in }
                    """) + "\ntrainer: { command: torchrun -m it, round-limit: 90.5 }\n"
        let topology = try SwarmTopology.parse(text, file: "t.yaml")
        var own = SwarmTopology.TrainerCommand(["python3", "b c", "say \"hi\""])
        (own.silenceLimit, own.restarts) = (5, 0)
        #expect(topology.trainer(of: "a") == .command(own))
        var line = SwarmTopology.TrainerCommand(["/bin/sh", "-c", "torchrun -m it"])
        line.roundLimit = 90.5
        #expect(topology.trainer(of: "b") == .command(line))
        #expect(topology.trainer(of: "c") == .builtIn)
        #expect(try SwarmTopology.parse(topology.yaml, file: "again.yaml") == topology)
        for (section, key) in [
            ("{ restarts: 1 }", "trainer.command"), ("{ command: [] }", "trainer.command"),
            ("{ command: a, silence-limit: 0 }", "trainer.silence-limit"),
            ("{ command: a, round-limit: x }", "trainer.round-limit"),
            ("{ command: a, start-limit: 604801 }", "trainer.start-limit"),
            ("{ command: a, restarts: -1 }", "trainer.restarts"), ("{ command: a, limit: 1 }", "trainer.limit"),
        ] {
            let error = try #require(throws: TopologyError.self) {
                try SwarmTopology.parse(Self.minimal + "\ntrainer: \(section)", file: "t.yaml")
            }
            #expect(error.key == key && error.line == 7, "\(error)")
        }
        // Who trains is each peer's own affair.
        var other = topology
        other.completion.trainer = .builtIn
        #expect(other.sharedSettings.map(\.value) == topology.sharedSettings.map(\.value))
    }

    @Test func modulesAreNamedByTheEndOfTheirPath() throws {
        func lora(_ text: String) throws -> SwarmTopology {
            try SwarmTopology.parse(
                Self.minimal.replacing("builtin:fledgling }", with: "m, lora: { \(text) } }"), file: "t.yaml")
        }
        #expect(try lora("targets: all-linear").model.lora.targets == Set(LoRAConfiguration.Target.allCases))
        let patterns = """
            targets: [v_proj, layers.3.mlp.up_proj], rank-stabilised: true, rank-pattern: { v_proj: 2, up_proj: 3 },
            alpha-pattern: { 3.mlp.up_proj: 1.5 }
            """
        let topology = try lora(patterns)
        let found = topology.model.lora
        #expect(found.targets == [.value] && found.modules.map(\.text) == ["layers.3.mlp.up_proj"])
        #expect(found.isRankStabilised)
        #expect(found.rankExceptions.map(\.modules.text) == ["v_proj", "up_proj"])
        #expect(found.rankExceptions.map(\.value) == [2, 3] && found.alphaExceptions.map(\.value) == [1.5])
        #expect(found.alphaExceptions.map(\.modules.text) == ["3.mlp.up_proj"])
        #expect(try SwarmTopology.parse(topology.yaml, file: "t.yaml").model.lora == found)
        for bad in [
            "rank-pattern: { .*_proj: 2 }", "rank-pattern: { q_proj: 0 }", "alpha-pattern: 3", "targets: all",
            "targets: [layers..q_proj]", "rank-pattern: { q_proj: 1, q_proj: 2 }",
        ] {
            #expect(throws: (any Error).self, "\(bad)") { try lora(bad) }
        }
    }

    /// Each fault: what is replaced in the minimal file, by what, at which line and key, and a part of the message.
    static let faults: [(String, String, Int, String?, String)] = [
        ("murmuration: 1", "murmuration: 2", 1, "murmuration", "1 to 1"),
        ("swarm: {", "swam: {", 2, "swam", "did you mean \"swarm\"?"),
        ("name: demo", "name: demo, sead: 3", 2, "swarm.sead", "did you mean \"seed\"?"),
        ("name: demo", "name: a/b", 2, "swarm.name", "not a name"),
        ("name: demo", "name: demo, seed: -1", 2, "swarm.seed", "not a seed"),
        ("name: demo", "name: demo, name: twice", 2, "name", "given twice"),
        ("builtin:fledgling", "builtin:fledgeling", 3, "model.base", "did you mean \"builtin:fledgling\"?"),
        ("base: builtin:fledgling", "lora: { rank: 8 }", 3, "model.base", "missing"),
        ("fledgling }", "fledgling, lora: { rank: 0 } }", 3, "model.lora.rank", "1 to 1024"),
        ("fledgling }", "fledgling, lora: { targets: [q_prj] } }", 3, "model.lora.targets[0]", "q_proj"),
        ("fledgling }", "fledgling, lora: { dropout: 1 } }", 3, "model.lora.dropout", "0 to below 1"),
        ("builtin:chores", "records.txt", 4, "data.source", ".jsonl"),
        ("builtin:chores", "https://a.example/b.json", 4, "data.source", "network"),
        ("builtin:chores", "[a.csv, builtin:chores]", 4, "data.source[1]", "joined"),
        ("builtin:chores", "[a.csv, b.json, a.csv]", 4, "data.source[2]", "twice"),
        ("chores }", "chores, fields: { instruction: q } }", 4, "data.fields", "usual names"),
        ("builtin:chores", "a.csv, fields: { instruction: q, response: q }", 4, "data.fields", "two parts"),
        ("builtin:chores", "a.csv, fields: { messages: m, response: q }", 4, "data.fields", "whole conversation"),
        ("builtin:chores", "a.csv, fields: { answer: q }", 4, "data.fields.answer", "unknown"),
        ("fledgling }", "fledgling, source: ../models/x }", 3, "model.source", "org/name@revision"),
        ("builtin:chores", "dolly.jsonl, count: 3", 4, "data.count", "built-in"),
        ("chores }", "chores, partition: { scheme: iid, alpha: 1 } }", 4, "data.partition.alpha", "dirichlet"),
        ("chores }", "chores, partition: { scheme: dirichlt } }", 4, "data.partition.scheme", "dirichlet"),
        ("kind: ring", "kind: rnig", 5, "graph.kind", "did you mean \"ring\"?"),
        ("kind: ring", "kind: one-peer-exponential", 5, "graph.kind", "is unknown; allowed: ring"),
        (
            "graph: { kind: ring }", "graph: { kind: ring }\nexchange: { mixing: one-peer-exponential }", 5, "graph",
            "one-peer-exponential needs the edge between peer-0 and peer-2, which this graph lacks; give the kind exponential"
        ),
        ("kind: ring", "kind: ring, degree: 3", 5, "graph.degree", "random-regular"),
        ("kind: ring", "kind: random-regular, degree: 5", 5, "graph", "2 to 3"),
        (
            "kind: ring", "kind: edges, edges: [[0, 1], [2, 3]]", 5, "graph",
            "not connected: peer-0 does not reach peer-2"
        ),
        ("kind: ring", "kind: edges, edges: [[0, 0]]", 5, "graph.edges[0]", "own neighbour"),
        ("kind: ring", "kind: edges, edges: [[0, 9]]", 5, "graph.edges[0][1]", "no peer \"9\""),
        ("kind: ring", "kind: edges", 5, "graph", "edges are missing"),
        ("count: 4", "count: 1", 6, "peers.count", "2 to 100000"),
        ("kind: ring }\npeers: { count: 4", "kind: complete }\npeers: { count: 2001", 5, "graph", "2001000 edges"),
        ("count: 4", "count: four", 6, "peers.count", "not a whole number"),
        ("count: 4", "count: 4, host: 300.1.1.1, first-port: 1", 6, "peers.host", "numeric"),
        ("count: 4", "count: 4, first-port: 65533", 6, "peers.first-port", "65532"),
        ("peers: { count: 4 }", "peers: [ada, ben]", 6, "peers[0]", "section of keys"),
        ("peers: { count: 4 }", "peers: {", 6, nil, "YAML"),
        ("graph: { kind: ring }", "graph: { kind: hypercube, kinds: 1 }", 5, "graph.kinds", "unknown"),
    ]

    @Test(arguments: faults.indices) func faultsAreNamedWithTheirPlace(index: Int) throws {
        let (old, new, line, key, part) = Self.faults[index]
        let text = Self.minimal.replacing(old, with: new)
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.problem.contains(part), "\(error)")
        #expect(error.key == key, "\(error)")
        if key != nil { #expect(error.line == line, "\(error)") }
        #expect(error.description.hasPrefix("t.yaml"))
    }

    @Test(arguments: [
        ("mixing: epidemic", "metropolis, push-sum, pairwise, one-peer-exponential, one-peer-base-2, all-reduce"),
        ("robustness: krum", "none"),
    ]) func plannedValuesAreRefusedByName(setting: String, supported: String) throws {
        let text = Self.minimal + "\nexchange: { \(setting) }"
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.line == 7)
        #expect(error.problem.contains("not supported by this version; supported: \(supported)"))
    }

    @Test(arguments: [
        ("compression: int8", "compression", "stand by themselves"),
        ("compression: differences", "compression", "stand by themselves"),
        ("compression: top-k", "compression", "stand by themselves"),
        ("budget: 20MB", "budget", "no stronger level"), ("uplink: 20Mbit/s", "uplink", "no stronger level"),
        ("overlap: true", "overlap", "not tried"), ("gain: 2", "gain", "do not arrive whole"),
        ("factors: product", "factors", "metropolis only, not with all-reduce"),
        ("factors: alternate", "factors", "metropolis only, not with all-reduce"),
    ]) func whatDoesNotGoWithAllReduceIsRefusedByName(exchange: String, key: String, problem: String) throws {
        let text =
            Self.minimal.replacing("kind: ring", with: "kind: complete")
            + "\nexchange: { mixing: all-reduce, \(exchange) }"
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.line == 7 && error.key == "exchange.\(key)" && error.problem.contains(problem), "\(error)")
    }

    @Test func allReduceAsksForACompleteGraph() throws {
        func parse(_ kind: String, _ more: String = "") throws -> SwarmTopology {
            let text = Self.minimal.replacing("kind: ring", with: "kind: \(kind)")
            return try SwarmTopology.parse(text + "\nexchange: { mixing: all-reduce\(more) }", file: "t.yaml")
        }
        for more in ["", ", compression: none", ", factors: freeze-a", ", factors: share-a, weights: uniform"] {
            let topology = try parse("complete", more)
            #expect(topology.exchange.mixing == .allReduce)
            #expect(try SwarmTopology.parse(topology.yaml, file: "written").exchange == topology.exchange)
        }
        let error = try #require(throws: TopologyError.self) { try parse("star") }
        #expect(error.problem.contains("mixing: all-reduce needs the edge between"), "\(error)")
        #expect(error.problem.contains("give the kind complete"), "\(error)")
    }

    @Test func pushSumIsInSinglePrecision() throws {
        func parse(_ exchange: String) throws -> SwarmTopology {
            try SwarmTopology.parse(Self.minimal + "\nexchange: { mixing: push-sum\(exchange) }", file: "t.yaml")
        }
        let topology = try parse("")
        #expect(topology.exchange.compression == .none)
        #expect(try SwarmTopology.parse(topology.yaml, file: "written").exchange == topology.exchange)
        #expect(try parse(", compression: none").exchange == topology.exchange)
        let error = try #require(throws: TopologyError.self) { try parse(", compression: int8") }
        #expect(error.line == 7 && error.key == "exchange.compression")
    }

    @Test(arguments: [
        ("factors: product, mixing: push-sum", "metropolis only, not with push-sum"),
        ("factors: alternate, mixing: push-sum", "metropolis only, not with push-sum"),
        ("factors: alternate, compression: differences", "does not go with compression: differences"),
        ("factors: alternate, compression: top-k", "held the other factor"),
        ("factors: product, compression: top-k", "too far behind the adapters for products"),
        ("factors: product-residual, mixing: pairwise", "metropolis only, not with pairwise"),
        ("factors: product-residual, compression: top-k", "too far behind the adapters for products"),
    ]) func factorsThatDoNotGoTogetherAreRefused(exchange: String, problem: String) throws {
        let text = Self.minimal + "\nexchange: { \(exchange) }"
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.line == 7 && error.key == "exchange.factors" && error.problem.contains(problem), "\(error)")
    }

    @Test(arguments: [
        ("mixing: push-sum", "budget", "sends single precision only"),
        ("mixing: one-peer-exponential", "uplink", "sends single precision only"),
        ("compression: none", "budget", "does not go with compression: none"),
        ("compression: none", "uplink", "does not go with compression: none"),
        ("compression: differences", "budget", "nothing to choose from"),
        ("compression: top-k", "budget", "nothing to choose from"),
        ("compression: int4, mixing: pairwise", "uplink", "with mixing: pairwise and factors: both"),
        ("compression: int4, factors: alternate", "budget", "with mixing: metropolis and factors: alternate"),
    ]) func budgetsWithNothingToChooseAreRefused(exchange: String, key: String, problem: String) throws {
        let value = key == "budget" ? "20MB" : "20Mbit/s"
        let graph =
            ["one-peer-exponential": "exponential", "one-peer-base-2": "base-2"].first {
                exchange.contains($0.key)
            }?.value ?? "ring"
        let text =
            Self.minimal.replacing("kind: ring", with: "kind: \(graph)")
            + "\nexchange: { \(exchange), \(key): \(value) }"
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.line == 7 && error.key == "exchange.\(key)" && error.problem.contains(problem), "\(error)")
    }

    @Test(arguments: [
        ("20MB", 2e7), ("1.5 gb", 1.5e9), ("512kB", 512e3), ("4096B", 4096), ("0.1MB", 1e5), ("1234567B", 1_234_567),
    ]) func budgetsAreRead(text: String, bytes: Double) throws {
        let topology = try SwarmTopology.parse(Self.minimal + "\nexchange: { budget: \(text) }", file: "t.yaml")
        #expect(topology.exchange.budget == bytes && topology.exchange.uplink == nil)
        #expect(try SwarmTopology.parse(topology.yaml, file: "written").exchange == topology.exchange)
    }

    /// Whatever amount it is, its text means it to the last bit.
    @Test(arguments: 0..<50 as Range<UInt64>) func amountsAreWrittenAsTheyAre(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for units in [QuantityUnits.bytes, .bitRate] {
            let sizes: [Double] = [1, 1e3, 1e6, 1e9, 1e12]
            let size = sizes.randomElement(using: &generator) ?? 1
            let whole = Double(Int.random(in: 1...1000, using: &generator)) * size
            for amount in [whole, Double.random(in: 1...1e3, using: &generator) * size] {
                #expect(units.amount(units.text(amount)) == amount, "\(units.text(amount))")
            }
        }
    }

    @Test func theResidualsRankIsAskedFor() throws {
        func parse(_ exchange: String, lora: String = "rank: 8", more: String = "") throws -> SwarmTopology {
            try SwarmTopology.parse(
                Self.minimal.replacing("fledgling }", with: "fledgling, lora: { \(lora) } }")
                    + "\nexchange: { \(exchange) }\(more)", file: "t.yaml")
        }
        func shared(_ topology: SwarmTopology) -> String? {
            topology.sharedSettings.first { $0.key == "exchange.residual-rank" }?.value
        }
        let plain = try parse("factors: product")
        #expect(plain.residualRank == 0 && plain.carriedAdapter == plain.model.lora && shared(plain) == nil)
        // Three times the rank, and the settings say so.
        let usual = try parse("factors: product-residual")
        #expect(usual.residualRank == 24 && shared(usual) == "24" && usual.exchange.residualRank == nil)
        #expect(usual.carriedAdapter.rank == 32 && usual.carriedAdapter.alpha == 64)
        let given = try parse("factors: product-residual, residual-rank: 24")
        #expect(given.sharedSettings.map(\.value) == usual.sharedSettings.map(\.value))
        let other = try parse("factors: product-residual, residual-rank: 2")
        #expect(other.residualRank == 2 && shared(other) == "2" && other.withoutResidual.residualRank == 0)
        for (exchange, lora, more, key, problem) in [
            ("residual-rank: 2", "rank: 8", "", "residual-rank", "for factors: product-residual"),
            ("factors: product, residual-rank: 2", "rank: 8", "", "residual-rank", "for factors: product-residual"),
            ("factors: product-residual, residual-rank: 0", "rank: 8", "", "residual-rank", "1 to 1024"),
            ("factors: product-residual", "alpha: 3e5", "", "factors", "the alpha 300000.0 of the adapter becomes"),
            (
                "factors: product-residual, residual-rank: 9", "rank: 1, alpha-pattern: { q_proj: 2e5 }", "",
                "residual-rank", "at most 1000000"
            ),
            (
                "factors: product-residual", "rank: 8", "\ntrainer: { command: train }", "factors",
                "trainer: built-in only"
            ),
            ("factors: product-residual, outer: momentum", "rank: 8", "", "outer", "factors: product-residual, which"),
            (
                "factors: product-residual, tracking: true", "rank: 8", "", "tracking",
                "factors: product-residual, which"
            ),
            (
                "factors: product-residual, settling: chebyshev", "rank: 8", "", "settling",
                "factors: product-residual, which"
            ),
        ] {
            let error = try #require(throws: TopologyError.self, "\(exchange)") {
                try parse(exchange, lora: lora, more: more)
            }
            #expect(error.key == "exchange.\(key)" && error.problem.contains(problem), "\(error)")
        }
    }

    @Test func partsAreForTopK() throws {
        func parse(_ exchange: String) throws -> SwarmTopology {
            try SwarmTopology.parse(Self.minimal + "\nexchange: { \(exchange) }", file: "t.yaml")
        }
        #expect(try parse("compression: top-k").exchange.topKShare == 0.25)
        let topology = try parse("compression: top-k, top-k-share: 0.1")
        #expect(topology.exchange.topKShare == 0.1 && topology.exchange.compression == .topK)
        #expect(try SwarmTopology.parse(topology.yaml, file: "written").exchange == topology.exchange)
        for exchange in ["top-k-share: 0.1", "compression: differences, top-k-share: 0.1"] {
            let error = try #require(throws: TopologyError.self) { try parse(exchange) }
            #expect(error.key == "exchange.top-k-share" && error.problem.contains("compression: top-k"), "\(error)")
        }
        let error = try #require(throws: TopologyError.self) { try parse("mixing: pairwise, compression: top-k") }
        #expect(error.key == "exchange.compression" && error.problem.contains("\"top-k\" does not go"), "\(error)")
    }

    @Test func localEpochsStandInPlaceOfLocalSteps() throws {
        func parse(_ tuning: String) throws -> SwarmTopology {
            try SwarmTopology.parse(Self.minimal + "\ntuning: { batch: 8, accumulation: 2\(tuning) }", file: "t.yaml")
        }
        let tuning = try parse(", local-epochs: 1.5, rounds: 4").tuning
        let steps = [1, 8, 16, 17, 160].map { tuning.resolved(records: $0).localSteps }
        #expect(steps == [1, 1, 2, 2, 15], "one and a half epochs in batches of 16, rounded up")
        #expect(tuning.resolved(records: 160).totalSteps == 60 && tuning.resolved(records: 160).localEpochs == nil)
        #expect(tuning.localWork == "1.5 local epochs" && tuning.totalWork == "6 epochs")
        let fixed = try parse(", local-steps: 7").tuning
        #expect(fixed.resolved(records: 160) == fixed && fixed.localWork == "7 local steps")
        let error = try #require(throws: TopologyError.self) { try parse(", local-steps: 7, local-epochs: 2") }
        #expect(error.line == 7 && error.key == "tuning.local-steps", "\(error)")
        #expect(error.problem.contains("without local-epochs"), "\(error)")
    }

    @Test func outerMomentumIsReadInThreeForms() throws {
        func parse(_ exchange: String) throws -> SwarmTopology {
            try SwarmTopology.parse(Self.minimal + "\nexchange: { \(exchange) }", file: "t.yaml")
        }
        #expect(try parse("outer: none").exchange.outer == nil && SwarmTopology.Exchange().outer == nil)
        let usual = try parse("outer: momentum")
        #expect(usual.exchange.outer?.momentum == 0.5 && usual.exchange.outer?.rate == 1)
        let own = try parse("outer: { momentum: 0.9, rate: 0.7 }, factors: freeze-a, compression: int4")
        #expect(own.exchange.outer?.momentum == 0.9 && own.exchange.outer?.rate == 0.7)
        #expect(try parse("outer: { momentum: 0.5 }").exchange == usual.exchange)
        for topology in [usual, own] {
            #expect(try SwarmTopology.parse(topology.yaml, file: "written").exchange == topology.exchange)
        }
        // Both numbers are among what peers compare.
        let shared = own.sharedSettings.first { $0.key == "exchange.outer" }
        #expect(shared?.value == "{ momentum: 0.9, rate: 0.7 }")
    }

    @Test(arguments: [
        ("mixing: push-sum", "mixing: push-sum"), ("mixing: one-peer-exponential", "mixing: one-peer-exponential"),
        ("mixing: one-peer-base-2", "mixing: one-peer-base-2"), ("mixing: pairwise", "mixing: pairwise"),
        ("mixing: all-reduce", "mixing: all-reduce"),
        ("factors: product", "factors: product"),
        ("factors: alternate", "factors: alternate"), ("factors: share-a", "factors: share-a"),
        ("compression: top-k", "compression: top-k"), ("overlap: true", "overlap"),
    ]) func whatMomentumDoesNotGoWithIsRefusedByName(exchange: String, words: String) throws {
        let graph =
            exchange.contains("one-peer") ? "exponential" : exchange.contains("all-reduce") ? "complete" : "ring"
        let text =
            Self.minimal.replacing("kind: ring", with: "kind: \(graph)")
            + "\nexchange: { \(exchange), outer: momentum }"
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.line == 7 && error.key == "exchange.outer", "\(error)")
        #expect(error.problem.contains("outer does not go with \(words)"), "\(error)")
    }

    @Test func trackingIsReadAndShared() throws {
        func parse(_ exchange: String) throws -> SwarmTopology {
            try SwarmTopology.parse(Self.minimal + "\nexchange: { \(exchange) }", file: "t.yaml")
        }
        #expect(!SwarmTopology.Exchange().tracking)
        for more in ["compression: none", "compression: bf16", "factors: freeze-a", "settling: chebyshev"] {
            let topology = try parse("tracking: true, \(more)")
            #expect(topology.exchange.tracking)
            #expect(topology.sharedSettings.first { $0.key == "exchange.tracking" }?.value == "true")
        }
        #expect(try !parse("tracking: false, mixing: push-sum").exchange.tracking)
    }

    @Test(arguments: [
        ("mixing: push-sum", "mixing: push-sum, "), ("mixing: one-peer-exponential", "mixing: one-peer-exponential, "),
        ("mixing: one-peer-base-2", "mixing: one-peer-base-2, "), ("mixing: pairwise", "mixing: pairwise, "),
        ("mixing: all-reduce", "mixing: all-reduce, "), ("factors: product", "factors: product, "),
        ("factors: alternate", "factors: alternate, "),
        ("factors: share-a", "factors: share-a, "), ("compression: int8", "compression: int8, "),
        ("compression: int4", "compression: int4, "), ("compression: differences", "compression: differences, "),
        ("compression: top-k", "compression: top-k, "), ("budget: 20MB", "budget and uplink, "),
        ("uplink: 20Mbit/s", "budget and uplink, "), ("outer: momentum", "outer: "), ("overlap: true", "overlap: "),
    ]) func whatTrackingDoesNotGoWithIsRefusedByName(exchange: String, words: String) throws {
        let graph = exchange.contains("one-peer") || exchange.contains("all-reduce") ? "complete" : "ring"
        let text =
            Self.minimal.replacing("kind: ring", with: "kind: \(graph)")
            + "\nexchange: { \(exchange), tracking: true }"
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.line == 7 && error.key == "exchange.tracking", "\(error)")
        #expect(error.problem.contains("tracking does not go with \(words)"), "\(error)")
    }

    @Test func settlingIsReadAndShared() throws {
        func parse(_ exchange: String) throws -> SwarmTopology {
            try SwarmTopology.parse(Self.minimal + "\nexchange: { \(exchange) }", file: "t.yaml")
        }
        #expect(try parse("mixing: metropolis").exchange.settling == .plain)
        for more in [
            "factors: alternate, compression: bf16", "factors: share-a, outer: none", "overlap: true",
            "outer: momentum",
        ] {
            let topology = try parse("settling: chebyshev, \(more)")
            #expect(topology.exchange.settling == .chebyshev)
            #expect(topology.sharedSettings.first { $0.key == "exchange.settling" }?.value == "chebyshev")
        }
        #expect(try parse("settling: plain, mixing: push-sum").exchange.settling == .plain)
    }

    @Test(arguments: ["push-sum", "one-peer-exponential", "one-peer-base-2", "pairwise", "all-reduce", "product"])
    func whatChebyshevDoesNotGoWithIsRefusedByName(word: String) throws {
        let key = word == "product" ? "factors" : "mixing"
        let text =
            Self.minimal.replacing(
                "kind: ring", with: "kind: \(["product", "push-sum", "pairwise"].contains(word) ? "ring" : "complete")")
            + "\nexchange: { \(key): \(word), settling: chebyshev }"
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.line == 7 && error.key == "exchange.settling", "\(error)")
        #expect(error.problem.contains("chebyshev does not go with \(key): \(word), "), "\(error)")
    }

    @Test(arguments: ["share-a", "product", "product-residual", "alternate"])
    func factorsThatNeedMixingFirstDoNotOverlap(factors: String) throws {
        let text = Self.minimal + "\nexchange: { overlap: true, factors: \(factors) }"
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
        #expect(error.line == 7 && error.key == "exchange.overlap", "\(error)")
        #expect(error.problem.contains("both or freeze-a"), "\(error)")
    }

    @Test(arguments: [
        "factors: both, overlap: true", "factors: freeze-a, overlap: true, mixing: push-sum",
        "factors: freeze-a, mixing: push-sum", "factors: share-a, mixing: push-sum",
        "factors: freeze-a, compression: differences", "factors: share-a, compression: int4",
        "factors: product, compression: differences", "factors: product-residual, compression: differences",
        "factors: product-residual, residual-rank: 5", "factors: alternate, compression: int8",
    ]) func factorsThatGoTogetherAreRead(exchange: String) throws {
        let topology = try SwarmTopology.parse(Self.minimal + "\nexchange: { \(exchange) }", file: "t.yaml")
        #expect(exchange.contains(topology.exchange.factors.rawValue))
        #expect(try SwarmTopology.parse(topology.yaml, file: "written").exchange == topology.exchange)
    }

    @Test(arguments: ["", "murmuration", "[1, 2]", "a: &x [*x, *x]", "? [a]\n: b", "\u{0}", "- - - -", "{{{{{{"])
    func oddTextsAreRefused(text: String) {
        #expect(throws: TopologyError.self) { try SwarmTopology.parse(text, file: "t.yaml") }
    }

    @Test func textsCutAnywhereNeverTrap() {
        for length in 0..<Self.minimal.count {
            _ = try? SwarmTopology.parse(String(Self.minimal.prefix(length)), file: "t.yaml")
        }
    }

    @Test func filesThatAreNotThereAreNamed() throws {
        let error = try #require(throws: TopologyError.self) { try SwarmTopology.load(path: "nowhere/x.yaml") }
        #expect(error.file == "nowhere/x.yaml" && error.problem.contains("cannot be read"))
    }
}
