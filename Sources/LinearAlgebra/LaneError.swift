/// Why a compute lane did not take a piece of work.
package enum LaneError: Error, Equatable, CustomStringConvertible {
    /// The lane's queue is full.
    case full(limit: Int)

    package var description: String {
        switch self {
        case .full(let limit):
            "the compute lane already has \(limit) pieces of work waiting; run fewer peers in one process"
        }
    }
}
