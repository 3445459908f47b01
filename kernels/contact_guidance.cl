// dp = w dt (I - p p) Q p, Q = mean of (3 t t - I)/2 over the directions t of the segments that the cell's links hold.

void contact_guidance(uint i, __constant World *world, __global Status *status, __constant ContactGuidance *term,
                      __global const int4 *node_position, __global const int2 *segment_nodes,
                      __global const uint *link_segment, __global float4 *polarity) {
  float3 p = polarity[i].xyz, sum = 0.0f;
  float held = 0.0f;
  for (uint slot = 0; slot < world->link_slots; ++slot) {
    uint segment = link_segment[slot * world->stride + i];
    if (!segment || segment > world->segments) continue;  // free, or on an obstacle
    int2 nodes = segment_nodes[segment - 1];
    float3 t = normalize(separation(node_position[nodes.y], node_position[nodes.x], world->quantum));
    sum += 1.5f * dot(t, p) * t - 0.5f * p;
    held += 1.0f;
  }
  if (held > 0.0f) polarity[i] = steered(polarity[i], term->weight * world->step / held * sum);
}
