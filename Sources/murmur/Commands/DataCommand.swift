import ArgumentParser
import InstructionTuning
import MurmurKit
import Storage

/// `murmur data`: instructions and how they are dealt out.
struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Look at instructions and deal them out.",
        subcommands: [Split.self, Show.self])

    /// `murmur data split TOPOLOGY`
    struct Split: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Say which peer of a topology holds which instructions, and write them out where a folder is given.",
            discussion: """
                Examples:
                  murmur data split topologies/demo.yaml
                  murmur data split topologies/dolly-shards-10.yaml --data dolly.jsonl \\
                      --out parts
                """)

        @Argument(help: "The topology file.") var topology: String
        @Option(help: "The instructions instead of the topology's.") var data: String?
        @Flag(help: "Skip records that cannot be read, instead of refusing the file.") var skipBad = false
        @Option(help: "Write PEER.jsonl and held-out.jsonl into this folder.") var out: String?
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let sources = SourceChoices(data: data, skipsBadRecords: skipBad)
            let swarm = try SwarmComposition.load(topology, replacing: sources)
            let partition = try ModelComposition.partition(swarm.topology, onBadRecord: sources.badRecords)
            if let out {
                let lock = try OutputFolder.split.claim(out)
                defer { withExtendedLifetime(lock) {} }
                for part in partition.peers { try write(part.records, to: "\(out)/\(part.name).jsonl") }
                try write(partition.heldOut, to: "\(out)/held-out.jsonl")
            }
            Terminal.print(json ? JSONText.of(partition.report.json) : partition.report.table)
        }

        private func write(_ records: [InstructionRecord], to path: String) throws {
            var bytes: [UInt8] = []
            for record in records {
                let members: [(String, JSONValue)] = [
                    ("instruction", .text(record.instruction)), ("context", .text(record.context)),
                    ("response", .text(record.response)), ("category", .text(record.category)),
                ]
                bytes += JSONValue.object(JSONObject(members)).encoded() + [UInt8(ascii: "\n")]
            }
            try AtomicFile.write(bytes, to: path)
        }
    }

    /// `murmur data show FILE`
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read instructions and say what is in them: fields, categories, bad lines.",
            discussion: """
                Examples:
                  murmur data show records.jsonl --skip-bad
                  murmur data show builtin:chores
                """)

        @Argument(help: "builtin:chores, a JSON or a JSON Lines file.") var file: String
        @Flag(help: "Skip bad records and name them, instead of refusing the file.") var skipBad = false
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let report = try ModelComposition.report(of: file, onBadRecord: skipBad ? .skip : .refuse)
            Terminal.print(json ? JSONText.of(report.json) : report.description)
        }
    }
}
