// Scalars of the solve, in fp64 on the device: r.z; the length of the next step and the energy that it gains; how much of
// the last direction and of what is new is in the next one; the target of r.r; iterations of earlier rounds; the energy
// of the step so far, and what each of its last iterations added to it.
enum { RZ, LENGTH, GAIN, TURN, FRESH, TARGET, BEFORE, ENERGY, LATEST };
#define LATE 6
