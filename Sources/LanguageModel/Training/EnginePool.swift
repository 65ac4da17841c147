internal import Adapters
internal import Synchronization

/// The states of engines that are not at work: engines of one kind share them, so that a peer that waits holds no
/// activations.
final class EnginePool: Sendable {
    /// What a state is for.
    struct Kind: Hashable {
        let lora: LoRAConfiguration?
        let trains: Bool
        /// The tokens of a pass.
        let capacity: Int
        let options: EngineOptions
    }

    private let idle = Mutex<[Kind: [EngineState]]>([:])

    /// Runs `body` with a state of `kind`, a waiting one where there is one; it waits again afterwards.
    func withState<Result>(
        _ kind: Kind, of model: BaseModel, _ body: (EngineState) throws -> Result
    ) rethrows -> Result {
        let state =
            idle.withLock { $0[kind]?.popLast() }
            ?? EngineState(
                model: model, lora: kind.lora, capacity: kind.capacity, trains: kind.trains,
                options: kind.options)
        defer { idle.withLock { $0[kind, default: []].append(state) } }
        return try body(state)
    }
}
