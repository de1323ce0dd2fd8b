/* The network as TensorBoard's Graphs dashboard shows it. */
#ifndef FASHION_MODEL_GRAPH_H
#define FASHION_MODEL_GRAPH_H

#include <tblog.h>

/* To be freed with tb_graph_free.  NULL when memory is short; other errors stay with the graph and
 * come back from tb_log_graph. */
tb_graph *model_graph(void);

#endif
