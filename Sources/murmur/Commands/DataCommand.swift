import ArgumentParser
import InstructionTuning
import MurmurKit
import Storage
import SwarmFile

/// `murmur data`: instructions and how they are dealt out.
struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Look at instructions and deal them out.",
        subcommands: [Split.self, Show.self, Inspect.self])

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
        @Option(help: "The instructions instead of the topology's: \(DataSource.help)") var data: [String] = []
        @Flag(help: "Skip records that cannot be read, instead of refusing the file.") var skipBad = false
        @Option(help: "Write PEER.jsonl, held-out.jsonl and, where there are such parts, PEER-validation.jsonl here.")
        var out: String?
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let sources = SourceChoices(data: DataSource(options: data), skipsBadRecords: skipBad)
            let swarm = try SwarmComposition.load(topology, replacing: sources)
            let partition = try ModelComposition.partition(swarm.topology, onBadRecord: sources.badRecords)
            if let out {
                let lock = try OutputFolder.split.claim(out)
                defer { withExtendedLifetime(lock) {} }
                for part in partition.peers {
                    try write(part.records, to: "\(out)/\(part.name).jsonl")
                    guard !part.validation.isEmpty else { continue }
                    try write(part.validation, to: "\(out)/\(part.name)-validation.jsonl")
                }
                try write(partition.heldOut, to: "\(out)/held-out.jsonl")
            }
            Terminal.print(json ? JSONText.of(partition.report.json) : partition.report.table)
        }

        private func write(_ records: [InstructionRecord], to path: String) throws {
            var bytes: [UInt8] = []
            for record in records { bytes += record.json.encoded() + [UInt8(ascii: "\n")] }
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
                  murmur data show faq.csv.gz --fields instruction=question,response=answer
                  murmur data show builtin:chores
                """)

        @Argument(help: "\(DataSource.help)") var files: [String]
        @OptionGroup(title: "Data, as in a topology file") var fields: SectionOptions<FieldKeys>
        @Flag(help: "Skip bad records and name them, instead of refusing the file.") var skipBad = false
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let report = try ModelComposition.dataset(
                DataSource(files), fields: try fields.applied(to: .defaults).fields,
                onBadRecord: skipBad ? .skip : .refuse
            ).report
            Terminal.print(json ? JSONText.of(report.json) : report.description)
        }
    }

    /// `murmur data inspect FILE...` and `murmur data inspect TOPOLOGY`
    struct Inspect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inspect",
            abstract: "Say which records occur twice, and which held-out ones are asked in training too.",
            discussion: """
                Of a topology, the peers' records are those to train on, and the held-out ones are the topology's. Numbers \
                count the records of a file, or of a peer, from one.

                Near duplicates share seven tenths of their runs of three words (Jaccard index; found with MinHash, 28 \
                bands of 4).

                Examples:
                  murmur data inspect records.jsonl more.csv
                  murmur data inspect train.jsonl --held-out test.jsonl --json
                  murmur data inspect topologies/demo.yaml
                """)

        @Argument(help: "A topology file, or the records to train on: \(DataSource.help)") var files: [String]
        @Option(help: "Records that nobody trains on: \(DataSource.help)") var heldOut: [String] = []
        @OptionGroup(title: "Data, as in a topology file") var fields: SectionOptions<FieldKeys>
        @Flag(help: "Skip records that cannot be read, instead of refusing the file.") var skipBad = false
        @Flag(help: "Print JSON.") var json = false

        private var isTopology: Bool { files[0].hasSuffix(".yaml") || files[0].hasSuffix(".yml") }

        func validate() throws {
            guard !files.isEmpty else { throw ValidationError("name a file of instructions or a topology") }
            guard !isTopology || files.count == 1 && heldOut.isEmpty else {
                throw ValidationError("a topology file says itself what is trained on and what is held out")
            }
        }

        func run() async throws {
            let policy: BadRecordPolicy = skipBad ? .skip : .refuse
            if isTopology {
                let topology = try SwarmComposition.load(files[0]).topology
                let partition = try ModelComposition.partition(topology, onBadRecord: policy)
                show(
                    DuplicateReport(
                        training: partition.peers.map { .init(name: $0.name, records: $0.records) },
                        heldOut: [.init(name: "held-out", records: partition.heldOut)]))
                return
            }
            let names = try fields.applied(to: .defaults).fields
            func dataset(_ paths: [String]) throws -> InstructionDataset {
                try ModelComposition.dataset(DataSource(paths), fields: names, onBadRecord: policy)
            }
            let training = try dataset(files)
            let measured = heldOut.isEmpty ? [] : try dataset(heldOut).parts
            show(DuplicateReport(training: training.parts, heldOut: measured), of: training.report)
        }

        private func show(_ duplicates: DuplicateReport, of report: DatasetReport? = nil) {
            guard json else {
                let parts = [report?.description, duplicates.description].compactMap { $0 }
                return Terminal.print(parts.joined(separator: "\n"))
            }
            var members: [(String, JSONValue)] = report.map { [("source", $0.json)] } ?? []
            members.append(("duplicates", duplicates.json))
            Terminal.print(JSONText.of(.object(JSONObject(members))))
        }
    }
}
