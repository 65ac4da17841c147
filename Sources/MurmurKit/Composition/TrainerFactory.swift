package import Adapters
import Basics
package import Federation
import Foundation
package import InstructionTuning
package import Recording
package import SwarmFile

/// Makes the trainers of a swarm's peers: the one place to stand for whoever trains in another way.
package protocol TrainerFactory: Sendable {
    /// The tensors of the adapter that the trainers train.
    var schema: AdapterSchema { get }
    /// The digest of the base model, 32 bytes; peers whose digests differ refuse each other's contributions.
    var baseModelDigest: [UInt8] { get }

    /// A trainer for the peer called `name`, in the state of one that has trained nothing.
    func trainer(of name: String) throws -> any AdapterTrainer

    /// What is known of the peer called `name` before it trains.
    func profile(of name: String) throws -> TrainerProfile

    /// The adapter that a delta makes, ready for PEFT; nil where no model belongs to it.
    func adapter(of delta: AdapterDelta) -> PEFTAdapter?

    /// What there is to tell of what a trainer of this factory trains on; nil where there is nothing to tell.
    func data(of trainer: any AdapterTrainer) -> PeerEvent.Kind?

    /// What the numbers of the peer called `name` depend on beyond what the topology file says: what must be the same at all
    /// peers, and what is its own.
    func settings(of name: String) throws -> TrainerSettings

    /// What measures adapters on the validation part of the peer called `name`, whose trainer is `trainer`; nil where it has
    /// none.
    ///
    /// - Parameter part: what of it is measured on.
    func validator(of name: String, _ trainer: any AdapterTrainer, on part: ValidationChoice) throws -> Validator?

    /// The losses of adapters on records that nobody trains on; nil where there is no adapter, or nothing to measure by.
    func losses(of deltas: [AdapterDelta?]) async throws -> [MeasuredLoss?]
}

/// A mean loss in nats a response token, and on how many records it was measured.
package struct MeasuredLoss: Sendable, Hashable {
    package var loss: Double
    package var records: Int

    package init(loss: Double, records: Int) {
        self.loss = loss
        self.records = records
    }
}

/// What a trainer's numbers depend on beyond what the topology file says.
package struct TrainerSettings: Sendable, Hashable {
    /// What must be the same at all peers.
    package var shared: [SettingsFingerprint.Entry] = []
    /// What is the peer's own, and must be the same when it goes on.
    package var own: [SettingsFingerprint.Entry] = []

    package init() {}
}

/// What is known of a peer's trainer before it trains.
package struct TrainerProfile: Sendable, Hashable {
    /// How many records the peer holds.
    package var sampleCount: Int
    /// What a record costs beside other peers' records, in any unit.
    package var cost: Double

    package init(sampleCount: Int, cost: Double = 1) {
        self.sampleCount = sampleCount
        self.cost = cost
    }
}

extension TrainerFactory {
    package func profile(of name: String) throws -> TrainerProfile {
        TrainerProfile(sampleCount: try trainer(of: name).sampleCount)
    }

    package func adapter(of delta: AdapterDelta) -> PEFTAdapter? { nil }

    package func data(of trainer: any AdapterTrainer) -> PeerEvent.Kind? { nil }

    package func settings(of name: String) throws -> TrainerSettings { TrainerSettings() }

    package func validator(
        of name: String, _ trainer: any AdapterTrainer, on part: ValidationChoice
    ) throws -> Validator? { nil }

    /// What measures on all of the validation part.
    package func validator(of name: String, _ trainer: any AdapterTrainer) throws -> Validator? {
        try validator(of: name, trainer, on: .whole)
    }

    package func losses(of deltas: [AdapterDelta?]) async throws -> [MeasuredLoss?] { deltas.map { _ in nil } }
}

/// Which trainers a peer or a simulation uses: where a new kind is entered.
package enum TrainerChoice: Sendable, Hashable {
    /// The topology's model and data.
    case builtIn
    /// A toy whose optimum is known: the protocol without a model.
    case quadratic
    /// What `--record` wrote into this folder is played back.
    case recorded(folder: String)
    /// The topology's model and data, in a process of its own.
    case command(SwarmTopology.TrainerCommand)

    /// What a topology file says of a peer.
    package init(_ trainer: SwarmTopology.Trainer) {
        self =
            switch trainer {
            case .builtIn: .builtIn
            case .command(let command): .command(command)
            }
    }

    /// The choice of a command that trains for real: `built-in`, or a line that /bin/sh reads; for trials what `init(_:)`
    /// reads, too.
    package init(wordOrCommand text: String) {
        switch text {
        case "built-in": self = .builtIn
        case "lora", "quadratic": self.init(text)
        default:
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: text, isDirectory: &isFolder)
            self = exists && isFolder.boolValue ? .recorded(folder: text) : .command(.init(shell: text))
        }
    }

    /// The words of the command line, and what they mean, for its help.
    package static let words = "quadratic|lora|folder"
    package static let help =
        "quadratic: a toy whose optimum is known. lora: the topology's model and data, on all cores. A folder: plays back "
        + "what --record wrote."

    /// The choice that a word of the command line means: `quadratic`, `lora`, or a folder.
    package init(_ word: String) {
        self =
            switch word {
            case "lora": .builtIn
            case "quadratic": .quadratic
            default: .recorded(folder: word)
            }
    }

    /// The word that means it.
    package var word: String {
        switch self {
        case .builtIn: "lora"
        case .quadratic: "quadratic"
        case .recorded(let folder): folder
        case .command(let command): command.command.joined(separator: " ")
        }
    }

    /// The factory for `swarm`.
    ///
    /// - Parameters:
    ///   - own: the peer that has this process for itself; nil for all peers together, which share it.
    ///   - folder: the run's folder of that peer, where a trainer's process leaves its log; nil for none.
    ///   - stepped: called after every local step, on the trainer's lane; by trainers that have steps to tell of.
    package func factory(
        for swarm: SwarmComposition, own: String?, sources: SourceChoices = SourceChoices(),
        compute: ComputeChoices = ComputeChoices(), folder: String? = nil,
        stepped: (@Sendable (TuningStep) -> Void)? = nil
    ) throws -> any TrainerFactory {
        switch self {
        case .builtIn:
            let composition = try ModelComposition(swarm.topology, compute: compute)
            let partition = try ModelComposition.partition(
                swarm.topology, own: own, onBadRecord: sources.badRecords)
            return try BuiltInTrainers(
                composition, partition, placement: own == nil ? .shared : .alone(threads: compute.threadCount),
                stepped: stepped)
        case .quadratic: return QuadraticTrainers(swarm)
        case .recorded(let folder):
            return try RecordedTrainers(RecordingFolder(folder).read(own.map { [$0] } ?? swarm.names))
        case .command(let command):
            let partition = try ModelComposition.partition(
                swarm.topology, own: own, onBadRecord: sources.badRecords)
            return try CommandTrainers(
                swarm.topology, partition, command, threads: compute.threadCount, folder: folder, stepped: stepped)
        }
    }
}

/// Toys without a model: each is drawn to a target of its own.
package struct QuadraticTrainers: TrainerFactory {
    package let schema: AdapterSchema
    package let baseModelDigest: [UInt8]
    private let swarm: SwarmComposition

    /// Records that each peer says it holds: with equal counts the swarm's optimum is the mean of the targets.
    private static let sampleCount = 100

    /// Toys for the peers of `swarm`, with `count` values each.
    package init(_ swarm: SwarmComposition, count: Int = 64) {
        self.swarm = swarm
        schema = AdapterSchema(tensors: [.init(name: "toy", rows: 1, columns: count)])
        baseModelDigest = [UInt8](repeating: 0, count: 32)
    }

    /// What the peer called `name` is drawn to: the same for the same topology, whoever asks.
    package func target(of name: String) throws -> AdapterDelta {
        var generator = SeededGenerator(
            seed: swarm.topology.swarm.seed, label: "target", index: UInt64(try swarm.place(of: name)))
        return AdapterDelta(schema: schema, values: (0..<schema.count).map { _ in Float(generator.normal()) })
    }

    package func trainer(of name: String) throws -> any AdapterTrainer {
        QuadraticTrainer(target: try target(of: name), sampleCount: Self.sampleCount)
    }
}

/// Plays recordings back.
package struct RecordedTrainers: TrainerFactory {
    package let schema: AdapterSchema
    package let baseModelDigest: [UInt8]
    private let recordings: [TrainingRecording]

    /// - Throws: `RecordingMismatch` where there are none, or they are not of one model and adapter.
    package init(_ recordings: [TrainingRecording]) throws {
        guard let first = recordings.first else { throw RecordingMismatch(description: "there are no recordings") }
        guard recordings.allSatisfy({ $0.schema == first.schema && $0.baseModelDigest == first.baseModelDigest }) else {
            throw RecordingMismatch(description: "the recordings are of several models or adapters")
        }
        schema = first.schema
        baseModelDigest = first.baseModelDigest
        self.recordings = recordings
    }

    package func trainer(of name: String) throws -> any AdapterTrainer {
        guard let recording = recordings.first(where: { $0.peer == name }) else {
            throw RecordingMismatch(description: "there is no recording of \(name)")
        }
        return RecordedTrainer(recording)
    }
}
