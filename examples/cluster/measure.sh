# What is run on each node: measures against a server, and says how far it is. The third node of the example hangs.
server=$1 node=$2
echo "node,round,server"
for round in 1 2 3 4 5; do
    echo "round $round of 5" >&2
    [ "$node,$round" = node3,3 ] && sleep 1000
    sleep 0.3
    echo "$node,$round,$server"
done
