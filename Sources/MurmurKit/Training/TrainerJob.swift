import Adapters
import Basics
import InstructionTuning
import LanguageModel
import Storage
import SwarmFile

/// What one peer's trainer is given: the model's place, the settings, the records as tokens, the seed adapter.
struct TrainerJob: Sendable {
    let peer: String
    /// A directory or a GGUF file.
    let modelPath: String
    /// 32 bytes.
    let modelDigest: [UInt8]
    let lora: LoRAConfiguration
    let tuning: SwarmTopology.Tuning
    /// Whether the swarm tracks gradients.
    let tracksGradients: Bool
    let seed: UInt64
    /// Processor threads that the trainer may use.
    let threads: Int
    let origin: AdapterOrigin
    let records: EncodedRecords
    /// What nobody trains on, with loss on responses only.
    let heldOut: [TokenSequence]
    /// What the peer measures itself by and does not train on, with loss on responses only.
    let validation: [TokenSequence]
    /// The most of these that gains are measured on.
    let gainLimit: Int
    let files: TrainerFiles

    /// What of the validation part gains are measured on.
    var gainRecords: [TokenSequence] { validation.spread(over: gainLimit) }

    /// Draws the batches, as the built-in engine draws them.
    var sampler: BatchSampler {
        BatchSampler(count: records.sequences.count, batch: tuning.recordsPerStep, seed: seed, stream: peer)
    }

    /// What a saved state must agree in with the job that takes it up.
    var fingerprint: UInt64 {
        var hash = FNV1a()
        hash.add(origin.schema.encoded)
        hash.add(Array("\(peer)|\(seed)|\(records.sequences.count)|\(tuning.recordsPerStep)".utf8))
        return hash.value
    }

    /// What the settings ask for and not every trainer can do.
    var skills: Set<TrainerSkill> {
        var skills: Set<TrainerSkill> = []
        if tuning.proximal > 0 { skills.insert(.proximal) }
        if tracksGradients { skills.insert(.tracking) }
        return skills
    }

    /// Step `number` of the whole run with the batch of `records`; learning rate and seed are the built-in engine's.
    func step(_ number: Int, records: [Int]) -> TrainerRequest.Step {
        var dropout = SeededGenerator(seed: seed, label: "dropout/\(peer)", index: UInt64(number))
        return TrainerRequest.Step(
            number: number,
            learningRate: tuning.learningRate
                * tuning.schedule.factor(step: number, totalSteps: tuning.totalSteps, warmup: tuning.warmup),
            dropoutSeed: Int(dropout.next() >> 33), records: records)
    }

    /// The tokens that carry loss in a step.
    func lossTokens(of step: TrainerRequest.Step) -> Int {
        step.records.reduce(0) { $0 + Self.lossTokens(in: records.sequences[$1]) }
    }

    /// The tokens that carry loss in records that are measured.
    static func lossTokens(in sequences: [TokenSequence]) -> Int {
        sequences.reduce(0) { $0 + lossTokens(in: $1) }
    }

    private static func lossTokens(in sequence: TokenSequence) -> Int {
        sequence.lossMask.dropFirst().count { $0 }
    }

    /// Makes the scratch folder with the records.
    func prepare() throws {
        try files.make()
        try TrainerFiles.write(records.sequences, to: files.records)
        if !heldOut.isEmpty { try TrainerFiles.write(heldOut, to: files.heldOut) }
        if !validation.isEmpty {
            try TrainerFiles.write(validation, to: files.validation)
            try TrainerFiles.write(gainRecords, to: files.gainRecords)
        }
    }

    /// Writes the adapter of `delta` where the trainer reads it, and removes the result of an earlier round.
    func write(_ delta: AdapterDelta) throws {
        files.removeResult()
        try TrainerFiles.write(of: origin.schema, to: files.adapter) { index in
            origin.values(ofTensor: index, in: delta)[...]
        }
    }

    /// Writes what the gradients of a round are corrected by, where the swarm tracks them, and removes what an earlier
    /// round's were; the names of both files, nil where nobody tracks.
    func writeCorrection(of request: TrainingRequest) throws -> (correction: String, gradient: String)? {
        guard let correction = request.correction else { return nil }
        files.removeGradient()
        try TrainerFiles.write(of: correction.schema, to: files.correction) { index in
            correction.values[correction.schema.range(of: index)]
        }
        return (files.correction, files.gradient)
    }

    /// The first message: all that gives the numbers their meaning.
    func hello(_ limits: SwarmTopology.TrainerCommand) -> JSONValue {
        let settings: JSONValue = [
            "template": .text(tuning.template), "cutoff": .integer(tuning.cutoff),
            "train_on_inputs": .bool(tuning.trainOnInputs), "batch": .integer(tuning.recordsPerStep),
            "local_steps": .integer(tuning.localSteps), "rounds": .integer(tuning.rounds),
            "learning_rate": .number(tuning.learningRate), "schedule": .text(tuning.schedule.rawValue),
            "warmup": .integer(tuning.warmup), "clip_norm": .number(tuning.clipNorm),
            "precision": .text(tuning.precision.rawValue), "optimizer": optimizer,
        ]
        let tensors = origin.schema.tensors.map { tensor -> JSONValue in
            ["name": .text(tensor.name), "shape": [.integer(tensor.rows), .integer(tensor.columns)]]
        }
        let adapter = PEFTAdapter(configuration: lora, schema: origin.schema, values: origin.values, baseModel: nil)
        return [
            "type": "hello", "protocol": .integer(TrainerRequest.version), "peer": .text(peer),
            "scratch": .text(files.folder),
            "model": ["path": .text(modelPath), "digest": .text(modelDigest.hexadecimal)],
            "lora": PEFTDirectory.configurationDocument(adapter), "tensors": .array(tensors), "tuning": settings,
            "records": ["file": .text(files.records), "count": .integer(records.sequences.count)],
            "held_out": heldOut.isEmpty
                ? .null : ["file": .text(files.heldOut), "count": .integer(heldOut.count)],
            "seed": .text("\(seed)"), "threads": .integer(threads),
            "limits": [
                "line": .integer(TrainerReply.lineLimit), "output": .integer(TrainerProcess.outputLimit),
                "snapshot": .integer(TrainerFiles.snapshotLimit(origin.schema.count)),
                "silence": .number(limits.silenceLimit), "round": .number(limits.roundLimit),
                "start": .number(limits.startLimit),
            ],
        ]
    }

    private var optimizer: JSONValue {
        let adam = AdamW.Settings(learningRate: tuning.learningRate, weightDecay: tuning.weightDecay)
        return [
            "name": "adamw", "betas": [.number(adam.beta1), .number(adam.beta2)], "epsilon": .number(adam.epsilon),
            "weight_decay": .number(adam.weightDecay),
        ]
    }
}
