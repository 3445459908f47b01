"""Outside forces on the nodes of the network, as a test sets them."""

from typing import ClassVar

from physim import Array, Kernel, Term


class Pull(Term):
    """F = f on each node, constant: `sim.write("node_pull", ...)` sets f."""

    name: ClassVar[str] = "pull"
    needs: ClassVar[tuple[str, ...]] = ("collagen",)
    arrays: ClassVar[tuple[Array, ...]] = (
        Array("node_pull", "float4", "node", "nN", "force on the node from outside", persists=True),
    )
    kernels: ClassVar[tuple[Kernel, ...]] = (Kernel("pull_nodes", "node", ("node_pull",), (), ("node_force",)),)
