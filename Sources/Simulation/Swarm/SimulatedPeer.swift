import Adapters
import Basics
import Cryptography
import Faults
import Federation
import Wire

/// One peer of a simulated swarm: its keys, its process while it runs, its disk, its clock and its trainer.
struct SimulatedPeer: Sendable {
    let name: String
    let id: PeerID
    let keys: IdentityKeys
    /// Where the quadratic trainer is drawn to; nothing where others train.
    let target: [Float]
    let sampleCount: Int
    /// How long local steps take.
    let trainingTime: Duration
    /// Where datagrams to it arrive and where those from it come from.
    var address: NetworkAddress
    var clock: VirtualClock
    var disk: VirtualFileSystem

    var process: SimulatedProcess?
    /// Changes whenever its process starts or ends: what an earlier incarnation began is void.
    var incarnation = 0
    /// The moment on true time at which it is to be woken; other wake-ups in the heap are void.
    var wake: MonotonicTime?
    /// Until when the process stands still.
    var pausedUntil: MonotonicTime?
    /// Datagrams that wait for it to go on.
    var waiting = 0
    /// Who takes its local steps where that is not the quadratic toy, and the state that is to be restored first.
    var trainer: (any AdapterTrainer)?
    var restoring: [UInt8]?
    var slowness = 1.0
    var behaviour: ByzantineBehaviour?
    /// What the protocol must not forget, to be written when all else of the moment is done.
    var waitingMemory: EndpointMemory?
    /// The checkpoint that is being written.
    var writing: PeerCheckpoint?

    /// The last round that it spoke of, and how often its process was started.
    var lastRound = 0
    var starts = 0
    var final: AdapterDelta?
    /// Its adapter when it had mixed in the last round with training, and the bytes that it had sent by then.
    var unsettled: AdapterDelta?
    var bytesUnsettled: UInt64?
    /// Rounds whose local steps failed.
    var failedRounds = 0
    /// Whether its process has said goodbye and takes nothing more.
    var hasStopped = false
    /// Whether its process came to its end by itself.
    var hasEnded = false
    /// Whether it will be started later.
    var returns = false
    /// What the peer's processes sent and received, without the one that runs.
    var pastTraffic = (sent: UInt64(0), received: UInt64(0))
}

extension SimulatedPeer {
    /// What a line of the trace says after the time, of something that happened to it.
    func line(_ kind: String, _ fields: (name: String, value: Any)...) -> String {
        TraceLine.text(name, kind, fields.map { .init($0.name, "\($0.value)") })
    }
}

/// One peer's clocks as they depend on true time: a monotonic one that may drift, and a wall clock that may be stepped.
struct VirtualClock: Sendable {
    private var trueOrigin: MonotonicTime
    private var localOrigin: MonotonicTime
    private var rate = 1.0
    /// How far the wall clock is off.
    var wallOffset = Duration.zero

    /// A clock that shows `local` at `time`.
    init(local: MonotonicTime, at time: MonotonicTime) {
        trueOrigin = time
        localOrigin = local
    }

    /// Runs at `rate` from `time` on; it never goes back.
    mutating func setRate(_ rate: Double, at time: MonotonicTime) {
        localOrigin = local(at: time)
        trueOrigin = time
        self.rate = rate
    }

    /// What the monotonic clock shows at true time `time`.
    func local(at time: MonotonicTime) -> MonotonicTime {
        rate == 1 ? localOrigin + (time - trueOrigin) : localOrigin + (time - trueOrigin) * rate
    }

    /// When the monotonic clock shows `local`, or a little later.
    func time(at local: MonotonicTime) -> MonotonicTime {
        guard local != .distantFuture else { return .distantFuture }
        if rate == 1 { return trueOrigin + (local - localOrigin) }
        return trueOrigin + (local - localOrigin) / rate + .nanoseconds(2)
    }

    /// The wall clock in nanoseconds since 1970, where true time zero is `epoch`.
    func wall(at time: MonotonicTime, epoch: Int64) -> UInt64 {
        UInt64(max(0, epoch + time.nanoseconds + wallOffset.wholeNanoseconds))
    }
}
