// dp = w dt (I - p p) sum_s T_s n_s / F_0: towards where the cell's own links, of tension T_s, pull it along n_s.

void traction_feedback(uint i, __constant World *world, __global Status *status, __constant TractionFeedback *term,
                       __global const int4 *position, __global const int4 *node_position,
                       __global const int2 *segment_nodes, __global const int4 *wire_begin,
                       __global const int4 *wire_end, __global const uint *link_segment,
                       __global const float *link_at, __global const int4 *link_bend,
                       __global const float *link_force, __global float4 *polarity) {
  float3 sum = 0.0f;
  for (uint slot = 0; slot < world->link_slots; ++slot) {
    uint here = slot * world->stride + i;
    if (!link_segment[here]) continue;
    float3 line = line_to(position[i], link_segment[here], link_at[here], world, node_position, segment_nodes,
                          wire_begin, wire_end);
    sum += link_force[here] * path_of(i, here, line, world, position, link_bend).leaves;
  }
  polarity[i] = steered(polarity[i], term->weight * world->step / term->force_scale * sum);
}
