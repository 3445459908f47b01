// dp = w dt (I - p p) R grad c K/(c + K)^2: towards the side on which more receptors are occupied, c/(c + K) of them.

void chemotaxis(uint i, __constant World *world, __global Status *status, __constant Chemotaxis *term,
                __global const float *radius, __global const float4 *attractant, __global float4 *polarity) {
  float c = attractant[i].w, half_full = term->half_occupancy;
  float slope = half_full / (c + half_full) / (c + half_full);
  polarity[i] = steered(polarity[i], term->weight * world->step * radius[i] * slope * attractant[i].xyz);
}
