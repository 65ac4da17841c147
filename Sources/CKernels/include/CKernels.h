#pragma once
// The few kernels that Swift cannot express at full speed. Every kernel has a scalar fallback and is chosen at run time.
