import Basics

/// Draws batches from endless shuffled epochs over a list.
///
/// Each epoch's order follows from seed, stream and the epoch's number alone, so that two numbers are the whole state: a
/// sampler set to a saved state goes on exactly as the one it was saved from. A batch that an epoch's end cuts is filled
/// from the next epoch; a batch larger than the list holds records more than once.
package struct BatchSampler: Sendable, Hashable {
    /// Where a sampler is.
    package struct State: Sendable, Hashable {
        /// The number of the epoch.
        package var epoch: UInt64
        /// How much of it is drawn.
        package var position: Int

        package init(epoch: UInt64 = 0, position: Int = 0) {
            self.epoch = epoch
            self.position = position
        }
    }

    /// The number of records.
    package let count: Int
    /// Records a batch.
    package let batch: Int
    /// Where the sampler is.
    package private(set) var state: State
    private let seed: UInt64
    private let stream: String
    private var order: [Int]

    /// A sampler over `count` records; `stream` tells the samplers of one seed apart, for example by the peer's name.
    package init(count: Int, batch: Int, seed: UInt64, stream: String) {
        precondition(count > 0, "batches are drawn from one record at least")
        precondition(batch > 0, "a batch has one record at least")
        self.count = count
        self.batch = batch
        self.seed = seed
        self.stream = stream
        state = State()
        order = Self.order(count: count, seed: seed, stream: stream, epoch: 0)
    }

    /// The places of the next batch's records.
    package mutating func next() -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(batch)
        while result.count < batch {
            if state.position == count { enter(State(epoch: state.epoch + 1)) }
            let taken = min(batch - result.count, count - state.position)
            result.append(contentsOf: order[state.position..<(state.position + taken)])
            state.position += taken
        }
        return result
    }

    /// Goes to a saved state; false, and no change, when it is none of this sampler's.
    package mutating func restore(_ saved: State) -> Bool {
        // The last epoch of all has none after it to fill a batch from.
        guard saved.position >= 0, saved.position <= count, saved.epoch < .max else { return false }
        enter(saved)
        return true
    }

    private mutating func enter(_ next: State) {
        if next.epoch != state.epoch {
            order = Self.order(count: count, seed: seed, stream: stream, epoch: next.epoch)
        }
        state = next
    }

    private static func order(count: Int, seed: UInt64, stream: String, epoch: UInt64) -> [Int] {
        var generator = SeededGenerator(seed: seed, label: "batches/\(stream)", index: epoch)
        return Array(0..<count).shuffled(using: &generator)
    }
}
