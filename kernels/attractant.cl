// c = c_0 a / max(r, a): the steady field around a ball of radius a that is held at c_0; grad c is c/r towards it.

void sample_attractant(uint i, __constant World *world, __global Status *status, __constant Attractant *term,
                       __global const int4 *position, __global float4 *attractant) {
  int4 low = (int4)(world->face_low[0], world->face_low[1], world->face_low[2], 0);
  float3 quantum = (float3)(world->quantum[0], world->quantum[1], world->quantum[2]);
  // in um from the lower faces, since the source may lie outside the box, where positions in quanta end
  float3 way = (float3)(term->x, term->y, term->z);
  way -= convert_float3(as_uint3(position[i].xyz) - as_uint3(low.xyz)) * quantum;
  float3 period = 4294967296.0f * quantum;
  int3 periodic = (int3)(world->boundary[0], world->boundary[1], world->boundary[2]) == 0;
  way = select(way, way - period * rint(way / period), periodic);
  float r = length(way), c = term->concentration * term->radius / fmax(r, term->radius);
  float3 gradient = r > term->radius ? c / (r * r) * way : (float3)(0.0f);
  attractant[i] = (float4)(gradient, c);
}
